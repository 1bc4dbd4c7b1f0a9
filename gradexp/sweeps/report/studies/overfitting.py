"""Study: over-fitting, with a penalty and without."""

from gradexp.reports.curves import curves
from gradexp.sweeps.report.drawn_curves import curves_by_tag
from gradexp.sweeps.report.learning_curves import Curve
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.studies.study import Study

TITLE = "Over-fitting: training and validation, with a penalty and without"
TAGS = ["train/loss", "val/loss", "train/accuracy", "val/accuracy"]


def overfitting(results: SweepResults) -> Study:
    """Loss and accuracy of training and validation against steps, one line per job."""
    by_tag: dict[str, dict[str, Curve]] = {}
    lines = []
    for job, _ in results.scored():
        logged = curves(job.folder, TAGS)
        for tag, curve in logged.items():
            by_tag.setdefault(tag, {})[job.label] = curve
        if "val/loss" in logged:
            losses = logged["val/loss"][1]
            lowest = losses.index(min(losses))
            end = ", ".join(f"{tag} {job.metrics[tag]:.4g}" for tag in TAGS if tag in job.metrics)
            share = (lowest + 1) / len(losses)
            lines.append(f"{job.label}: ends at {end}; val/loss was lowest, {losses[lowest]:.4g}, at {share:.0%} of it")
    if not by_tag:
        return Study(lines=["no job has logged a curve"])
    return Study({"overfitting": curves_by_tag(by_tag, TITLE)}, lines)
