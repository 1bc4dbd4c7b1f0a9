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
    """The study that the sweep's jobs were configured for; an empty one where there is none."""
    names = {job.config.get("sweep.study") for job in results.jobs if job.config} - {None}
    return STUDIES[str(names.pop())](results) if len(names) == 1 else Study()
