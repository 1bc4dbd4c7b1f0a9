"""What a step of a setting costs: seconds, and the bytes of the optimizer's state."""

from collections.abc import Iterable
from dataclasses import dataclass

from gradexp.sweeps.report.ranking import mean_of
from gradexp.sweeps.report.results import Job

STATE = "bytes/optimizer_state"


@dataclass(frozen=True)
class Costs:
    """Means over the jobs of a setting; None if no job has measured it.

    Attributes:
        seconds: Of a step of training, validations included. A job of a stack has its share of the stack's.
        state: Bytes of the optimizer's state for each parameter.
        epochs: Until the target was reached, of the jobs that reached it.
        reached: How many did.
    """

    seconds: float | None
    state: float | None
    epochs: float | None
    reached: int


def costs(jobs: Iterable[Job]) -> Costs:
    """The costs of jobs of one setting, of those that completed."""
    done = [job.metrics for job in jobs if job.status == "completed"]
    seconds = [one["seconds/fit"] / one["steps"] for one in done if one.get("seconds/fit") and one.get("steps")]
    state = [one[STATE] / one["parameters"] for one in done if STATE in one and one.get("parameters")]
    epochs = [one["epochs/to_target"] for one in done if "epochs/to_target" in one]
    return Costs(mean_of(seconds), mean_of(state), mean_of(epochs), len(epochs))
