"""The journal of a search: Optuna's storage, one file in the sweep's folder, with a line for each change.

`optuna.load_study(storage=JournalStorage(JournalFileBackend(FILE)))` and optuna-dashboard read it. A trial is written
with all its values in one line, so that a search that is killed has lost none and proposes none twice.
"""

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from gradexp.sweeps.search.objectives import Direction
from gradexp.sweeps.search.space import Dimension, Params, Space
from gradexp.sweeps.search.trials import Trial

NAME = "search.journal"


def distribution(dimension: Dimension) -> BaseDistribution:
    """A dimension as Optuna has it."""
    if dimension.low is None or dimension.high is None:
        return CategoricalDistribution(dimension.choices)
    if isinstance(dimension.low, int):
        return IntDistribution(dimension.low, int(dimension.high), log=dimension.log, step=int(dimension.step or 1))
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)


def running(params: Params, space: Space) -> FrozenTrial:
    """A trial that has no result yet."""
    distributions = {key: distribution(dimension) for key, dimension in space.items()}
    return create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)


class Journal:
    """The trials of a search as they are on disk.

    Args:
        folder: The sweep's, which this process has locked.
        name: Of the study.
        directions: "minimize" or "maximize" for each objective.
        space: The space.

    Raises:
        ValueError: The file is damaged, or of another search.
    """

    def __init__(self, folder: Path, name: str, directions: Sequence[Direction], space: Space) -> None:
        path = folder / NAME
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with suppress(FileNotFoundError):
            Path(f"{path}.lock").unlink()  # of a process that was killed while it wrote
        _drop_partial_line(path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # optuna.exceptions.ExperimentalWarning
                storage = JournalStorage(JournalFileBackend(str(path)))
                self._study = optuna.create_study(
                    storage=storage, study_name=name, directions=list(directions), load_if_exists=True
                )
            wanted = {key: distribution(dimension) for key, dimension in space.items()}
            is_same = [one.name.lower() for one in self._study.directions] == list(directions) and all(
                trial.distributions == wanted and all(map(_holds, space.values(), trial.params.values()))
                for trial in self.trials
            )
        except OSError:
            raise
        except Exception as error:  # whatever a file that others wrote makes Optuna raise
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise ValueError(f"{path} must be the journal of this search; it cannot be read ({reason}).") from error
        if not is_same:
            raise ValueError(f"{path} must be the journal of this search; it has another space or other objectives.")

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their numbers."""
        return self._study.get_trials()

    def add(self, params: Params, space: Space) -> None:
        """Add the next trial."""
        self._study.add_trial(running(params, space))

    def tell(self, number: int, trial: Trial) -> None:
        """Record the result of a trial: for Optuna, one that diverged is a pruned one, which is worse than all others.

        Args:
            number: In the journal.
            trial: The trial, whose first seed has ended.
        """
        if trial.failed:
            self._study.tell(number, state=TrialState.FAIL)
        elif trial.values is None or trial.pruned:
            if trial.values is not None:
                optuna.Trial(self._study, self.trials[number]._trial_id).report(trial.values[0], trial.pruned)
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, list(trial.values))


def _holds(dimension: Dimension, value: object) -> bool:
    return dimension.holds(value)


def _drop_partial_line(path: Path) -> None:
    """Remove the line that a killed process has not finished."""
    if path.is_file():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
