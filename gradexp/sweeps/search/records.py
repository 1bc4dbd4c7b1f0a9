"""The trials of a search from what its jobs have recorded."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from gradexp.configuration.files import read_config
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.repeats import without_repeats
from gradexp.sweeps.search.objectives import Objective, scores_of
from gradexp.sweeps.search.pruning import was_pruned
from gradexp.sweeps.search.trials import Scores, Trial

THRESHOLDS = "early_stopping.thresholds"


class AJob(Protocol):
    """A job of a manifest or of a report."""

    @property
    def folder(self) -> str | Path: ...
    @property
    def stage(self) -> str: ...
    @property
    def overrides(self) -> list[str]: ...
    @property
    def settings(self) -> dict[str, Any]: ...


def key_of(settings: Mapping[str, Any]) -> str:
    """A text that jobs of one trial share."""
    return json.dumps(without_repeats(settings), sort_keys=True)


def trials_of(folder: Path, jobs: Iterable[AJob], objectives: Sequence[Objective]) -> list[Trial]:
    """The trials, in the order of their numbers, with the scores of the jobs that have ended.

    Args:
        folder: That the jobs' folders are in.
        jobs: Those of the manifest or of a report; trials are those of the stage "grid".
        objectives: What the search optimises.

    Raises:
        ValueError: A job completed, and has not measured an objective.
    """
    groups: dict[str, list[AJob]] = {}
    for job in jobs:
        if job.stage == "grid":
            groups.setdefault(key_of(job.settings), []).append(job)
    return [_trial(number, folder, group, objectives) for number, group in enumerate(groups.values())]


def _trial(number: int, folder: Path, jobs: Sequence[AJob], objectives: Sequence[Objective]) -> Trial:
    scores: dict[int, Scores | None] = {}
    pruned, failed = 0, False
    for job in jobs:
        metrics = job_folder.outcome(folder / job.folder)
        if metrics is None:
            continue
        is_changed = job_folder.was_changed(metrics, job.overrides)
        found = None if is_changed else scores_of(metrics, list(objectives))
        scores[int(job.settings["seed"])] = found
        failed |= metrics["status"] == "failed"
        given = _thresholds(job.overrides)
        if given and found is not None:
            every = read_config(folder / job.folder)["trainer"]["check_val_every_n_epoch"]
            count = metrics["epochs"] // every
            pruned = count if was_pruned(given, count, found[0], objectives[0].sign) else 0
    return Trial(number, without_repeats(jobs[0].settings), scores, pruned, failed)


def first_folders(folder: Path, jobs: Iterable[AJob], trials: Iterable[Trial], seed: int) -> Iterator[Path]:
    """The folders of the first seeds of those of the trials that completed."""
    wanted = {key_of(trial.params) for trial in trials if trial.scores.get(seed) is not None}
    for job in jobs:
        if job.stage == "grid" and job.settings["seed"] == seed and key_of(job.settings) in wanted:
            yield folder / job.folder


def validations(folders: Iterable[Path], metric: str) -> Iterator[list[float]]:
    """A metric at each validation of jobs; those whose curves are not whole are left out."""
    from gradexp.reports.curves import curves  # which imports TensorBoard

    for folder in folders:
        every = read_config(folder)["trainer"]["check_val_every_n_epoch"]
        found = curves(folder, [metric]).get(metric)
        ended = job_folder.outcome(folder) or {}
        if found is not None and len(found[1]) == ended.get("epochs", 0) // every:
            yield found[1]


def _thresholds(overrides: Iterable[str]) -> list[float] | None:
    """The thresholds that a job was given."""
    for line in overrides:
        if line.startswith(f"{THRESHOLDS}=["):
            found: list[float] = json.loads(line.partition("=")[2])
            return found
    return None
