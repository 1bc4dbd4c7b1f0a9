"""What a search shows: history, slices and importances of its space, the front of several objectives, its winner."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from gradexp.rules.words import counted
from gradexp.sweeps.plan.axes import text, typed
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.search.objectives import Objective, scores_of
from gradexp.sweeps.search.records import key_of, trials_of
from gradexp.sweeps.search.space import Dimension, from_plain
from gradexp.sweeps.search.trials import Scores, Trial, winners

ENOUGH = 10  # trials for importances

Kind = Literal["whole", "partial", "pruned"]  # of a trial


@dataclass(frozen=True)
class Found:
    """A search's findings.

    Attributes:
        sampler: "tpe", "cmaes", "qmc" or "random".
        objectives: What it optimises.
        seeds: Of a whole trial.
        space: By key.
        trials: Those with a score, in order.
        lost: How many trials diverged or failed.
        best: The best trial; of several objectives those that no other beats in all of them.
        fresh: The scores of the best at fresh seeds, one list for each of `best`.
        importance: Share of the variance of the first objective over the space that each key explains, by functional
            ANOVA of a forest (Hutter, Hoos and Leyton-Brown 2014); empty for few trials or without Optuna.
    """

    sampler: str
    objectives: list[Objective]
    seeds: Sequence[int]
    space: dict[str, Dimension]
    trials: list[Trial]
    lost: int
    best: list[Trial]
    fresh: list[list[Scores]]
    importance: dict[str, float]

    @property
    def whole(self) -> list[Trial]:
        """The trials with all seeds."""
        return [trial for trial in self.trials if trial.has(self.seeds)]

    @property
    def kinds(self) -> list[tuple[Kind, str, list[Trial]]]:
        """The trials by what their score rests on, with the legend of each kind; kinds without trials are left out."""
        whole = self.whole
        kinds: list[tuple[Kind, str, list[Trial]]] = [
            ("whole", f"all {len(self.seeds)} seeds" if len(self.seeds) > 1 else "trials", whole),
            ("partial", "fewer seeds", [one for one in self.trials if one not in whole and not one.pruned]),
            ("pruned", "cut short", [one for one in self.trials if one.pruned]),
        ]
        return [kind for kind in kinds if kind[2]]

    @property
    def front(self) -> list[str]:
        """The settings of the best, as a ranking calls them, of several objectives; empty for one."""
        return [typed(trial.params) for trial in self.best] if len(self.objectives) > 1 else []

    @property
    def so_far(self) -> list[float]:
        """The best value of the first objective among the whole trials up to each of them."""
        better = max if self.objectives[0].sign > 0 else min
        return list(accumulate((values(trial)[0] for trial in self.whole), better))

    def along(self, key: str) -> list[Any]:
        """The values of a key in the trials, as an axis takes them: numbers, if all of them are, else texts."""
        given = [trial.params[key] for trial in self.trials]
        are_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in given)
        return given if are_numbers else list(map(text, given))


def values(trial: Trial) -> Scores:
    """The values of a trial that has some."""
    assert trial.values is not None
    return trial.values


def found_by_search(results: SweepResults) -> Found | None:
    """The findings of a search; None for a grid, and before its first trial has ended."""
    search = results.search
    if search is None:
        return None
    objectives = [Objective(**one) for one in search["objectives"]]
    seeds = range(search["first_seed"], search["first_seed"] + search["seeds"])
    space = {key.lstrip("+"): one for key, one in from_plain(search["space"]).items()}
    trials = trials_of(Path(), results.jobs, objectives)
    scored = [trial for trial in trials if trial.values is not None]
    if not scored:
        return None
    best = winners(scored, [one.sign for one in objectives], seeds)
    return Found(
        search["sampler"],
        objectives,
        seeds,
        space,
        scored,
        sum(bool(trial.scores) and trial.values is None for trial in trials),
        best,
        [_fresh(results, trial, objectives) for trial in best],
        _importance(scored, space) if len(scored) >= ENOUGH and len(space) > 1 else {},
    )


def _fresh(results: SweepResults, trial: Trial, objectives: Sequence[Objective]) -> list[Scores]:
    jobs = [job for job in results.jobs if job.stage == "final" and key_of(job.settings) == key_of(trial.params)]
    scores = [scores_of(job.metrics, list(objectives)) for job in jobs if job.metrics]
    return [one for one in scores if one is not None]


def _importance(trials: Sequence[Trial], space: dict[str, Dimension]) -> dict[str, float]:
    """Largest first; each trial counts once, with its mean."""
    if find_spec("optuna") is None:
        return {}
    import optuna
    from optuna.distributions import CategoricalDistribution
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    from gradexp.sweeps.search.journal import distribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {
        key: CategoricalDistribution(list(dict.fromkeys(text(trial.params[key]) for trial in trials)))
        if one.low is None
        else distribution(one)
        for key, one in space.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study()
        for trial in trials:
            params = {k: text(trial.params[k]) if one.low is None else trial.params[k] for k, one in space.items()}
            study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=values(trial)[0]))
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def search_lines(found: Found | None) -> list[str]:
    """A search in words: the best trial, and its score at seeds that did not choose it."""
    if found is None:
        return []
    lost = f", {found.lost} diverged or failed" if found.lost else ""
    pruned = sum(trial.pruned > 0 for trial in found.trials)
    cut = f", {pruned} cut short" if pruned else ""
    counts = f"{counted(len(found.trials) + found.lost, 'trial')} by {found.sampler}{cut}{lost}"
    names = ", ".join(one.metric for one in found.objectives)
    whole = f"all {len(found.seeds)} seeds" if len(found.seeds) > 1 else "a score"
    if not found.best:
        return [f"search: {counts}; none has {whole.replace('all', 'a score at all')}"]
    if len(found.objectives) > 1:
        lines = [f"search: {counts}; {len(found.best)} that no other beats in all of {names}"]
    else:
        which = f"the best of the {len(found.whole)}" if len(found.whole) > 1 else "the only one"
        lines = [f"search: {counts}; {which} with {whole} is"]
    for trial, fresh in zip(found.best, found.fresh, strict=True):
        chosen_by = _numbers(values(trial))
        if fresh:
            means = _numbers([fmean(one) for one in zip(*fresh, strict=True)])
            spread = f" ± {stdev(one[0] for one in fresh):.2g}" if len(fresh) > 1 and len(found.objectives) == 1 else ""
            again = f"; at {counted(len(fresh), 'fresh seed')} {means}{spread}"
        else:
            again = "; it has not run at fresh seeds"
        lines.append(
            f"{typed(trial.params)}: {names} {chosen_by}, which is optimistic, as it was chosen by this score{again}"
        )
    return [f"{lines[0]} {lines[1]}"] if len(found.objectives) == 1 else lines


def _numbers(scores: Sequence[float]) -> str:
    return ", ".join(f"{score:.4g}" for score in scores)
