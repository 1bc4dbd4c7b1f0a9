"""Learning curves of settings: the mean over the seeds with its bands, and the curve of every job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradexp.reports.curves import curves
from gradexp.sweeps.report.bands import Band, band_of
from gradexp.sweeps.report.ranking import Setting, best_and_median
from gradexp.sweeps.report.results import Job, SweepResults

Curve = tuple[list[int], list[float]]  # steps and values

LOSS = "train/loss"  # the curve beside the monitor's
MOST_SETTINGS = 8  # of the best, whose curves are read
MOST_JOBS = 60  # of further settings: reading the event files of one takes 10 to 50 ms
MOST_POINTS = 300  # of a mean


@dataclass(frozen=True)
class LearningCurve:
    """A metric of one setting against steps.

    Attributes:
        steps: The steps of the mean.
        band: The mean over the seeds with its bands [steps].
        jobs: The curve of each job, by its seed in words.
    """

    steps: list[int]
    band: Band
    jobs: dict[str, Curve]


@dataclass(frozen=True)
class LearningCurves:
    """Learning curves of a sweep.

    Attributes:
        settings: By "best", "median", or the rank of a further setting ("no. 2"), best first.
        by_tag: By tag and by the same names.
        several: Whether any of them has several seeds.
    """

    settings: dict[str, Setting]
    by_tag: dict[str, dict[str, LearningCurve]]
    several: bool


def reader(results: SweepResults) -> Callable[[Job], dict[str, Curve]]:
    """Reads the curves of a job by tag, the monitor's and the training loss, of each job once."""
    tags = list(dict.fromkeys([results.monitor, LOSS]))
    known: dict[Path, dict[str, Curve]] = {}

    def read(job: Job) -> dict[str, Curve]:
        if job.folder not in known:
            known[job.folder] = curves(job.folder, tags)
        return known[job.folder]

    return read


def learning_curves(
    results: SweepResults, ranked: Sequence[Setting], read: Callable[[Job], dict[str, Curve]]
) -> LearningCurves:
    """Curves of the monitor and of the training loss, of the best and the median setting.

    Where settings have several seeds, also of the others among the best, to be looked at.

    Args:
        results: The sweep.
        ranked: Its settings, best first.
        read: See `reader`.
    """
    chosen = dict(best_and_median(list(ranked)))
    several = any(len(setting.scores) > 1 for setting in ranked)
    if several:
        known = {id(setting) for setting in chosen.values()}
        jobs_read = 0
        for place, setting in enumerate(ranked[:MOST_SETTINGS], start=1):
            if id(setting) not in known and jobs_read + len(setting.scores) <= MOST_JOBS:
                chosen[f"no. {place}"] = setting
                jobs_read += len(setting.scores)
    tags = list(dict.fromkeys([results.monitor, LOSS]))
    by_tag: dict[str, dict[str, LearningCurve]] = {}
    for name, setting in chosen.items():
        jobs = [job for job in setting.jobs if results.score(job) is not None]
        found_in = [(job, read(job)) for job in jobs]
        for tag in tags:
            found = {_seed(job): by[tag] for job, by in found_in if tag in by}
            splits = [job.repeat[1:] for job, by in found_in if tag in by] if setting.unit != "seed" else []
            if found:
                by_tag.setdefault(tag, {})[name] = mean_curve(found, splits, setting.shared)
    return LearningCurves(chosen, by_tag, several)


def mean_curve(jobs: dict[str, Curve], splits: Sequence[Any] = (), shared: float = 0.0) -> LearningCurve:
    """The mean of curves over the steps that at least half of them reach.

    Between two steps of its own a curve is linear; beyond its last step it is left out, as after early stopping.

    Args:
        jobs: The curves.
        splits: Of each job its fold, over whose seeds the curves are averaged first; empty for seeds alone.
        shared: What folds have in common; see gradexp.verdicts.folds.shared_variance.
    """
    grid = np.array(sorted({step for steps, _ in jobs.values() for step in steps}), int)
    values = np.array([_at(grid, curve) for curve in jobs.values()])
    is_shared = 2 * np.isfinite(values).sum(axis=0) >= len(jobs)
    grid, values = grid[is_shared], values[:, is_shared]
    if len(grid) > MOST_POINTS:
        kept = np.linspace(0, len(grid) - 1, MOST_POINTS).round().astype(int)
        grid, values = grid[kept], values[:, kept]
    if splits:
        of_split = [[row for row, split in enumerate(splits) if split == one] for one in dict.fromkeys(splits)]
        masked = np.ma.masked_invalid(values)
        values = np.array([masked[rows].mean(axis=0).filled(np.nan) for rows in of_split])
    return LearningCurve(grid.tolist(), band_of(values, shared), jobs)


def _at(grid: NDArray[np.int64], curve: Curve) -> NDArray[np.float64]:
    steps, values = (np.array(part, float) for part in curve)
    is_finite = np.isfinite(values)
    if not is_finite.any():
        return np.full(len(grid), np.nan)
    found: NDArray[np.float64] = np.interp(grid, steps[is_finite], values[is_finite], left=np.nan, right=np.nan)
    return found


def _seed(job: Job) -> str:
    return f"seed {job.config.get('seed')}, job {job.folder.name}"
