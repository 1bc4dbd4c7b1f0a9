"""The curves of single jobs, of which a reader of the page chooses those to look at."""

from collections.abc import Callable, Sequence
from typing import Any

from gradexp.sweeps.report.learning_curves import LOSS, Curve
from gradexp.sweeps.report.ranking import Setting
from gradexp.sweeps.report.results import Job, SweepResults

MOST = 200  # jobs whose curves are read: an event file takes 2 to 50 ms
MOST_POINTS = 150  # of a curve

Read = Callable[[Job], dict[str, Curve]]


def job_curves(results: SweepResults, ranked: Sequence[Setting], read: Read) -> dict[str, dict[str, Curve]]:
    """By the name of a job's folder, its curves by tag: those of the best settings first, then of all other jobs.

    Jobs that have logged none are left out; so are, of many jobs, those of the worst settings.
    """
    in_order = [job for setting in ranked for job in setting.jobs]
    known = {job.folder for job in in_order}
    started = [job for job in results.jobs if job.status != "planned" and job.folder not in known]
    found = {job.folder.name: read(job) for job in [*in_order, *started][:MOST]}
    return {name: {tag: thinned(curve) for tag, curve in by_tag.items()} for name, by_tag in found.items() if by_tag}


def thinned(curve: Curve) -> Curve:
    """The curve with at most MOST_POINTS points, the first and the last among them, to five digits."""
    steps, values = curve
    last = len(steps) - 1
    kept = range(last + 1) if last < MOST_POINTS else [round(n * last / (MOST_POINTS - 1)) for n in range(MOST_POINTS)]
    return [steps[n] for n in kept], [float(f"{values[n]:.5g}") for n in kept]


def words(results: SweepResults, found: dict[str, dict[str, Curve]]) -> str:
    """What the page says of the curves to choose; "" if there are none."""
    if not found:
        return ""
    tags = {tag for by_tag in found.values() for tag in by_tag}
    dotted = f" (dotted: {LOSS}, on the right)" if LOSS in tags and results.monitor != LOSS else ""
    some = f" There are curves of {len(found)} of {len(results.jobs)} jobs." if len(found) < len(results.jobs) else ""
    return f"A tick beside a job shows its learning curves{dotted}.{some}"


def data(results: SweepResults, found: dict[str, dict[str, Curve]], layout: Any) -> dict[str, Any]:
    """What the page's script draws."""
    labels = {job.folder.name: job.label for job in results.jobs}
    return {
        "loss": LOSS if results.monitor != LOSS else "",
        "layout": layout,
        "jobs": {name: {"label": labels[name], "curves": by_tag} for name, by_tag in found.items()},
    }
