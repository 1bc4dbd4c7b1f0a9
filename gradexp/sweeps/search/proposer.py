"""Which settings a search tries next: Optuna's samplers, seeded by the search's seed and the number of the trial.

A proposal is a function of the seed, the number and the results so far, never of a sampler that has drawn before. So a
search that was killed goes on with the trials that it would have had.
"""

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from gradexp.sweeps.search.journal import distribution
from gradexp.sweeps.search.objectives import Direction
from gradexp.sweeps.search.space import Params, Space, settings, size

Sampler = Literal["tpe", "cmaes", "qmc", "random"]

ATTEMPTS = 10  # to draw a setting that was not tried
LISTED = 100_000  # settings of a space that are listed to find one that was not tried
STARTUP = 10  # random trials before tree-structured Parzen estimators


def rounds(sampler: Sampler, trials: int, batch: int) -> list[range]:
    """The numbers of the trials that are proposed at once; the results of a round are known to the next one.

    The random trials with which TPE starts are one round.
    """
    first = max(batch, STARTUP) if sampler == "tpe" else batch
    starts = [0, *range(first, trials, batch)]
    return [range(start, min(end, trials)) for start, end in zip(starts, [*starts[1:], trials], strict=True)]


class Proposer:
    """Proposes one trial after the other.

    Args:
        space: The space.
        sampler: "tpe", "cmaes", "qmc" or "random".
        seed: The search's.
        directions: "minimize" or "maximize" for each objective.
        batch: Trials of a round: the population of CMA-ES.
    """

    def __init__(self, space: Space, sampler: Sampler, seed: int, directions: Sequence[Direction], batch: int) -> None:
        self._space, self._sampler, self._seed = space, sampler, seed
        self._directions, self._batch = list(directions), batch
        self._distributions = {key: distribution(dimension) for key, dimension in space.items()}
        self._trials: list[FrozenTrial] = []
        self._sequence: optuna.Study | None = None
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def propose(self, recorded: Params | None = None) -> Params:
        """The next trial, which runs from now on.

        Args:
            recorded: Its values, where an earlier process has proposed it.
        """
        tried = [trial.params for trial in self._trials]
        asked = None
        if recorded is None or self._sampler == "cmaes":  # whose state is never read from a file: it is pickled
            asked = self._asked(0)
        params = recorded or {}
        for attempt in range(1, ATTEMPTS + 1) if recorded is None else ():
            assert asked is not None
            params = {key: self._space[key].rounded(value) for key, value in asked.params.items()}
            if params not in tried:
                break
            asked = self._asked(attempt)
        else:
            if recorded is None:
                params = self._untried(tried) or params
        state = asked.system_attrs if asked is not None else {}
        self._trials.append(
            create_trial(state=TrialState.RUNNING, params=params, distributions=self._distributions, system_attrs=state)
        )
        return params

    def tell(self, told: FrozenTrial) -> None:
        """Take note of a trial's result, as the journal has it."""
        own = self._trials[told.number]
        self._trials[told.number] = create_trial(
            state=told.state,
            values=told.values,
            params=own.params,
            distributions=self._distributions,
            system_attrs=own.system_attrs,
            intermediate_values=told.intermediate_values,
        )

    def _asked(self, attempt: int) -> FrozenTrial:
        """What the sampler draws for the next trial."""
        number = len(self._trials)
        stream = np.random.SeedSequence([self._seed, number, attempt])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # optuna.exceptions.ExperimentalWarning; single points of Sobol's sequence
            if self._sampler == "qmc" and attempt == 0:
                return self._of_sequence(number)
            study = optuna.create_study(
                sampler=self._new_sampler(int(stream.generate_state(1)[0])), directions=self._directions
            )
            study.add_trials(self._trials)
            study.ask(self._distributions)
        return study.get_trials()[-1]

    def _new_sampler(self, seed: int) -> BaseSampler:
        if self._sampler == "tpe":
            return TPESampler(seed=seed, n_startup_trials=STARTUP)
        if self._sampler == "cmaes":
            return CmaEsSampler(seed=seed, popsize=max(self._batch, 4), warn_independent_sampling=False)
        return RandomSampler(seed=seed)

    def _of_sequence(self, number: int) -> FrozenTrial:
        """A point of Sobol's sequence, scrambled by the search's seed (Owen 1998)."""
        if self._sequence is None:
            sampler = QMCSampler(scramble=True, seed=self._seed)
            self._sequence = optuna.create_study(sampler=sampler, directions=self._directions)
            # A first trial tells the sampler the space; it would be drawn at random.
            self._sequence.add_trial(
                create_trial(
                    values=[0.0] * len(self._directions),
                    params={key: one.values()[0] if one.low is None else one.low for key, one in self._space.items()},
                    distributions=self._distributions,
                )
            )
        while len(self._sequence.trials) < number + 2:
            self._sequence.ask(self._distributions)
        return self._sequence.trials[number + 1]

    def _untried(self, tried: list[Params]) -> Params | None:
        """A setting of a small space that was not tried, drawn at random; None if there is none, or if it is large."""
        if size(self._space) > LISTED:
            return None
        left = [one for one in settings(self._space) if one not in tried]
        stream = np.random.default_rng([self._seed, len(self._trials)])
        return left[int(stream.integers(len(left)))] if left else None
