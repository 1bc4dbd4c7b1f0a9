"""Learning by heart, with a penalty and without."""

import numpy as np

from gradexp import figures
from gradexp.reports.curves import curves
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.studies.study import Study

TAGS = ["train/loss", "val/loss", "train/accuracy", "val/accuracy"]


def overfitting(results: SweepResults) -> Study:
    """Loss and accuracy of training and validation against steps, a line a job."""
    by_metric: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    lines = []
    for job, _ in results.scored():
        logged = curves(job.folder, TAGS)
        for tag, (steps, values) in logged.items():
            by_metric.setdefault(tag, {})[job.told] = (np.array(steps), np.array(values))
        if "val/loss" in logged:
            losses = logged["val/loss"][1]
            lowest = int(np.argmin(losses))
            told = ", ".join(f"{tag} {job.metrics[tag]:.4g}" for tag in TAGS if tag in job.metrics)
            share = (lowest + 1) / len(losses)
            lines.append(f"{job.told}: ends at {told}; val/loss was lowest, {losses[lowest]:.4g}, at {share:.0%} of it")
    if not by_metric:
        return Study(lines=["no job has logged a curve"])
    return Study({"overfitting": figures.best_and_median_curves(by_metric)}, lines)
