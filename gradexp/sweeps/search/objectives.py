"""What a search optimises: the monitor, or several metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gradexp.building.class_reader import read_class
from gradexp.configuration.ignored import OURS
from gradexp.objective.monitor import OWN, Mode, monitor_mode, needs_mode, sign
from gradexp.rules import did_you_mean
from gradexp.sweeps import job_folder
from gradexp.sweeps.search.trials import Scores

Direction = Literal["minimize", "maximize"]

COSTS = ("parameters", "seconds/fit", "epochs", "steps")  # of metrics.json, fewer are better


@dataclass(frozen=True)
class Objective:
    """One metric and which way it is better."""

    metric: str
    mode: Mode

    @property
    def direction(self) -> Direction:
        """In Optuna's terms."""
        return "maximize" if self.mode == "max" else "minimize"

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return sign(self.mode)


def objectives(config: Mapping[str, Any]) -> list[Objective]:
    """The objectives of a search: `search.monitors`, or else the monitor.

    Args:
        config: The configuration of a job, as plain data.

    Raises:
        ValueError: It is unknown whether higher or lower values of a metric are better.
    """
    given = config["search"]["monitors"]
    if not given:
        mode = monitor_mode(config)
        if mode is None:
            raise ValueError(needs_mode(config["monitor"], config["metrics"]))
        return [Objective(str(config["monitor"]), mode)]
    found = [_objective(item, config) for item in given]
    names = [one.metric for one in found]
    _check_measured(names, config)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"search.monitors must be two or more different metrics, such as [val/loss,parameters]; got {names}. One "
            "metric is searched for by monitor."
        )
    return found


def _check_measured(names: list[str], config: Mapping[str, Any]) -> None:
    """Check that the jobs can measure the metrics, as far as the names tell of what a model of ours logs."""
    model = read_class(str(config["model"].get("_target_")))
    if model is None or not model.is_subclass([OURS]) or config["metrics"] or config["callbacks"]:
        return
    known = [*(f"val/{name}" for name in OWN), *(f"train/{name}" for name in OWN), *COSTS]
    for name in names:
        if name not in known:
            shown = ", ".join(known[: len(OWN)])
            raise ValueError(
                f"search.monitors must be metrics that the jobs measure, of {shown}, {', '.join(COSTS)}, or one of "
                f"yours, +metrics.NAME._target_=CLASS; got {name}.{did_you_mean(name, known)}"
            )


def _objective(item: Any, config: Mapping[str, Any]) -> Objective:
    if isinstance(item, Mapping):
        ((metric, mode),) = item.items()
        return Objective(str(metric), mode)
    if item in COSTS:
        return Objective(item, "min")
    mode = monitor_mode({**config, "monitor": item, "monitor_mode": None})
    if mode is None:
        raise ValueError(
            f"search.monitors must say which way {item} is better, which the metric itself does not; type "
            f'"search.monitors=[{{{item}:max}},...]", or min.'
        )
    return Objective(item, mode)


def scores_of(metrics: Mapping[str, Any], wanted: list[Objective]) -> Scores | None:
    """The scores of a job that has ended, of the weights that are tested; None if it has none.

    Raises:
        ValueError: It completed, and has not measured one of the objectives.
    """
    if metrics["status"] != "completed":
        return None
    found = []
    for one in wanted:
        value = job_folder.score({**metrics, "monitor": one.metric})
        if value is None:
            known = ", ".join(name.removeprefix("best/") for name in metrics if name.startswith("best/val/"))
            raise ValueError(
                f"search.monitors must be metrics that the jobs measure, of {known}, {', '.join(COSTS)}; got "
                f"{one.metric}."
            )
        found.append(float(value))
    return tuple(found)
