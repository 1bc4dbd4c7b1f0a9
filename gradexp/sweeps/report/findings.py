"""What a sweep shows, as numbers, computed once: terminal, page, figures and TensorBoard only present them."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradexp.reports.curves import curves
from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.of_sweep import compared
from gradexp.sweeps.report.contest import Contestant, contest
from gradexp.sweeps.report.coordinates import Coordinates, coordinates
from gradexp.sweeps.report.importance import variance_explained
from gradexp.sweeps.report.ranking import (
    TWO,
    Setting,
    best_and_median,
    best_by,
    better,
    ranking,
    scored_and_timed,
    shown_range,
    sign,
)
from gradexp.sweeps.report.results import Job, SweepResults

Curve = tuple[list[int], list[float]]  # steps and values


@dataclass(frozen=True)
class Sensitivity:
    """How the score of one optimizer depends on its learning rate; rates ascend.

    Attributes:
        rates: Those with a score.
        means: Mean score over the seeds, of the best setting at each rate.
        spreads: Standard deviations over the seeds; 0 for a single one.
        diverged: Rates at which a seed diverged.
        best: The best mean and its rate; None without scores.
    """

    rates: list[float]
    means: list[float]
    spreads: list[float]
    diverged: list[float]
    best: tuple[float, float] | None


@dataclass(frozen=True)
class Grid:
    """Scores over two penalties; None where no job completed.

    Attributes:
        l1: Values, ascending: the rows.
        l2: Values, ascending: the columns.
        scores: [l1, l2]: means over the seeds of the best setting.
        best: The best mean with its l1 and l2; None without scores.
    """

    l1: list[float]
    l2: list[float]
    scores: list[list[float | None]]
    best: tuple[float, float, float] | None


@dataclass(frozen=True)
class Times:
    """Seconds of fitting against scores.

    Attributes:
        labels: The jobs' settings.
        seconds: [jobs].
        scores: [jobs].
        front: The jobs that no other job beats in both time and score, the fastest first.
    """

    labels: list[str]
    seconds: list[float]
    scores: list[float]
    front: list[tuple[Job, float]]


@dataclass(frozen=True)
class Findings:
    """A sweep's findings; a part that the sweep has no jobs for is empty or None.

    Attributes:
        results: The sweep, with all its jobs.
        is_ranked: Whether its jobs are of one data set; where not, all parts below are empty.
        up: Whether a higher score is better.
        limits: The scores that figures make room for.
        ranking: The settings, best first.
        rates: By optimizer.
        penalties: Scores over l1 and l2.
        coordinates: All jobs through all axes.
        curves: Curves of the best and the median job, by tag and by "best" or "median".
        curve_labels: The settings of those two jobs.
        times: Of the jobs with a score.
        importance: Share of the score's variance that each axis explains, the largest first.
        contest: The final runs of a benchmark, best first.
        comparison: Which settings are better than others by more than the noise of seeds; None without several seeds.
    """

    results: SweepResults
    is_ranked: bool
    up: bool
    limits: tuple[float, float]
    ranking: list[Setting]
    rates: dict[str, Sensitivity]
    penalties: Grid | None
    coordinates: Coordinates | None
    curves: dict[str, dict[str, Curve]]
    curve_labels: dict[str, str]
    times: Times | None
    importance: dict[str, float]
    contest: list[Contestant]
    comparison: Comparison | None

    @property
    def unit(self) -> str:
        """What the ranked scores are counted by: seed, fold or split."""
        return self.ranking[0].unit if self.ranking else "seed"

    @property
    def statuses(self) -> Counter[str]:
        """How many jobs there are of each status, in the order of the jobs."""
        return Counter(job.status for job in self.results.jobs)


def find(results: SweepResults) -> Findings:
    """Compute what a sweep shows; jobs of several data sets are not compared."""
    comparable = results.comparable
    chosen = best_and_median(comparable)
    scored = comparable.scored()
    return Findings(
        results,
        is_ranked=results.is_comparable,
        up=sign(results) > 0,
        limits=shown_range(comparable),
        ranking=ranking(comparable),
        rates=learning_rates(comparable),
        penalties=penalties(comparable),
        coordinates=coordinates(comparable),
        curves=_curves(results.monitor, chosen),
        curve_labels={name: job.label for name, job in chosen},
        times=times(comparable),
        importance=variance_explained([job.settings for job, _ in scored], [score for _, score in scored]),
        contest=contest(comparable),
        comparison=compared(comparable),
    )


def learning_rates(results: SweepResults) -> dict[str, Sensitivity]:
    """By optimizer; empty where every optimizer has one learning rate only."""
    by_optimizer: dict[str, dict[float, Setting]] = defaultdict(dict)
    settings = best_by(results, lambda job: (_optimizer(job), job.config.get("optimizer.lr")))
    for (optimizer, rate), setting in settings.items():
        if rate is not None:  # else the class's own default, which is in no configuration
            by_optimizer[optimizer][float(rate)] = setting
    if all(len(by_rate) < TWO for by_rate in by_optimizer.values()):
        return {}
    best = better(results)
    return {name: _sensitivity(dict(sorted(by_rate.items())), best) for name, by_rate in by_optimizer.items()}


def _sensitivity(by_rate: dict[float, Setting], best: Callable[..., Any]) -> Sensitivity:
    scored = {rate: setting for rate, setting in by_rate.items() if setting.scores}
    return Sensitivity(
        list(scored),
        [setting.mean for setting in scored.values()],
        [setting.spread or 0.0 for setting in scored.values()],
        [rate for rate, setting in by_rate.items() if setting.diverged],
        best(((setting.mean, rate) for rate, setting in scored.items()), key=lambda pair: pair[0], default=None),
    )


def _optimizer(job: Job) -> str:
    """The option that was typed, which distinguishes momentum from plain SGD, else the class."""
    return str(job.settings.get("optimizer") or str(job.config["optimizer._target_"]).rpartition(".")[2])


def penalties(results: SweepResults) -> Grid | None:
    """None where neither penalty varies; a single row or column where one does."""
    cells = best_by(results, lambda job: (float(job.config["regularizer.l1"]), float(job.config["regularizer.l2"])))
    l1, l2 = sorted({key[0] for key in cells}), sorted({key[1] for key in cells})
    if len(l1) < TWO and len(l2) < TWO:
        return None
    means = {key: setting.mean for key, setting in cells.items() if setting.scores}
    cells_by_mean = ((mean, *key) for key, mean in sorted(means.items()))
    best = better(results)(cells_by_mean, key=lambda cell: cell[0], default=None)
    return Grid(l1, l2, [[means.get((row, column)) for column in l2] for row in l1], best)


def times(results: SweepResults) -> Times | None:
    """None for fewer than two jobs with a score and a time."""
    timed = scored_and_timed(results)
    if len(timed) < TWO:
        return None
    return Times(
        [job.label for job, _ in timed],
        [job.seconds or 0.0 for job, _ in timed],
        [score for _, score in timed],
        pareto_front(results),
    )


def pareto_front(results: SweepResults) -> list[tuple[Job, float]]:
    """The jobs that no other job beats in both time and score, the fastest first."""
    front: list[tuple[Job, float]] = []
    for job, score in sorted(
        scored_and_timed(results), key=lambda pair: (pair[0].seconds or 0.0, -sign(results) * pair[1])
    ):
        if not front or sign(results) * score > sign(results) * front[-1][1]:
            front.append((job, score))
    return front


def _curves(monitor: str, chosen: list[tuple[str, Job]]) -> dict[str, dict[str, Curve]]:
    by_tag: dict[str, dict[str, Curve]] = {}
    for name, job in chosen:
        for tag, curve in curves(job.folder, list(dict.fromkeys([monitor, "train/loss"]))).items():
            by_tag.setdefault(tag, {})[name] = curve
    return by_tag
