"""A sweep in TensorBoard: its figures in one run of their own, and a row of HPARAMS for every job."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from gradexp import figures
from gradexp.callbacks.publication import write_figure
from gradexp.configuration.files import read_config
from gradexp.reports.curves import curves
from gradexp.reports.hparams import hyperparameters, write_row
from gradexp.sweeps.report.findings import best_and_median, learning_rates, pareto_front, penalties, shown_range, sign
from gradexp.sweeps.report.importance import variance_explained
from gradexp.sweeps.report.results import Job, SweepResults

OURS = ".report"  # ends the names of the event files that a report writes, and writes anew


def write_dashboard(results: SweepResults, pictures: Mapping[str, Figure]) -> dict[str, Path]:
    """Write the figures as PNG in ``figures/`` and into ``tensorboard/``, and the rows that failed jobs lack.

    Args:
        results: The sweep.
        pictures: Further figures, a study's.

    Returns:
        Where those lie.
    """
    folder = results.folder
    _remove(folder)
    drawn = draw(results.comparable) | dict(pictures)
    paths: dict[str, Path] = {}
    if drawn:
        with SummaryWriter(str(folder / "tensorboard"), filename_suffix=OURS) as writer:
            paths = {tag: write_figure(folder, tag, figure, writer) for tag, figure in drawn.items()}
    for job in results.jobs:
        _remove(job.folder)
        if job.status == "failed" and job.config:
            _write_row(job)
    return {tag: paths[tag] for tag in pictures}


def draw(results: SweepResults) -> dict[str, Figure]:
    """The figures that the sweep has something to show in, by name."""
    up, label, limits = sign(results) > 0, results.monitor, shown_range(results)
    drawn = {}
    lines = learning_rates(results)
    if lines:
        arrays = {
            name: tuple(np.array(part) for part in (line.rates, line.means, line.spreads, line.diverged))
            for name, line in lines.items()
        }
        drawn["sweep/learning_rate"] = figures.learning_rate_sensitivity(arrays, label, up, limits)  # type: ignore[arg-type]
    grid = penalties(results)
    if grid is not None:
        cells = np.array(grid.scores, float)
        drawn["sweep/penalties"] = figures.penalty_map(grid.l1, grid.l2, cells, label, up, limits)
    shown = _curves(results)
    if shown:
        drawn["sweep/curves"] = figures.best_and_median_curves(shown)
    timed = [(job.seconds, score) for job, score in results.scored() if job.seconds is not None]
    if len(timed) > 1:
        front = np.array([(job.seconds, score) for job, score in pareto_front(results)]).T
        seconds, scores = np.array(timed).T
        drawn["sweep/time"] = figures.time_and_score(seconds, scores, (front[0], front[1]), label, limits)
    scored = results.scored()
    shares = variance_explained([job.settings for job, _ in scored], [score for _, score in scored])
    if shares:
        drawn["sweep/importance"] = figures.importance(shares, label)
    return drawn


def _curves(results: SweepResults) -> dict[str, dict[str, tuple[figures.Array, figures.Array]]]:
    """By metric and job."""
    found: dict[str, dict[str, tuple[figures.Array, figures.Array]]] = {}
    for name, job in best_and_median(results):
        for tag, (steps, values) in curves(job.folder, list(dict.fromkeys([results.monitor, "train/loss"]))).items():
            found.setdefault(tag, {})[f"{name}: {job.told}"] = (np.array(steps), np.array(values))
    return found


def _write_row(job: Job) -> None:
    """The HPARAMS of a job that failed before it could write its own."""
    config = read_config(job.folder)
    settings = hyperparameters(config, str(config["data"]["_target_"]).rpartition(".")[2])
    write_row(job.folder / "tensorboard", settings, {}, OURS)


def _remove(folder: Path) -> None:
    for path in (folder / "tensorboard").glob(f"*{OURS}"):
        path.unlink()
