"""Studies: what experiments that are sweeps show beyond the report, a study a file; `sweep.study` names one."""

from collections.abc import Callable

from gradexp.sweeps.results import SweepResults
from gradexp.sweeps.studies.bias_variance import bias_variance
from gradexp.sweeps.studies.costs import costs
from gradexp.sweeps.studies.overfitting import overfitting
from gradexp.sweeps.studies.regularization_path import regularization_path
from gradexp.sweeps.studies.study import Study
from gradexp.sweeps.studies.vanishing_gradients import vanishing_gradients

__all__ = ["STUDIES", "Study", "study_of"]

STUDIES: dict[str, Callable[[SweepResults], Study]] = {
    "costs": costs,
    "vanishing_gradients": vanishing_gradients,
    "regularization_path": regularization_path,
    "overfitting": overfitting,
    "bias_variance": bias_variance,
}


def study_of(results: SweepResults) -> Study:
    """The study that was typed, or that the jobs' experiment names; an empty one where there is none."""
    typed = [line.partition("=")[2] for line in results.command if line.startswith("sweep.study=")]
    configured = [job.config["sweep.study"] for job in results.jobs if job.config.get("sweep.study")]
    names = typed[-1:] or configured[:1]
    return STUDIES[names[0]](results) if names and names[0] in STUDIES else Study()
