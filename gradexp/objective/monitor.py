"""Whether higher or lower is better for a monitored metric: as configured, or as its class says; never guessed."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from gradexp.building.class_reader import read_class
from gradexp.rules import did_you_mean

Mode = Literal["max", "min"]

# The metrics that gradexp's models log; a test compares the modes with `higher_is_better` of the metrics' classes.
OWN: Mapping[str, Mode] = {
    "loss": "min",
    "penalty": "min",
    "objective": "min",
    "mse": "min",
    "accuracy": "max",
    "r2": "max",
    "error": "min",
}

# Used in place of the data's properties where a metric is built only to read its `higher_is_better`.
STAND_INS = {"task": "multiclass", "num_classes": 1000, "num_labels": 1000}


def monitor_mode(config: Mapping[str, Any]) -> Mode | None:
    """The mode of a configuration's `monitor`: "max" where higher is better, "min" where lower is, None if unknown.

    It depends on the keys `monitor`, `monitor_mode`, `metrics` and `trusted_packages`.
    """
    if config.get("monitor_mode") in ("max", "min"):
        configured: Mode = config["monitor_mode"]
        return configured
    name = str(config["monitor"]).rpartition("/")[2]
    section = (config.get("metrics") or {}).get(name)
    if section is None:
        return OWN.get(name.removeprefix("train_").removeprefix("val_"))  # as other modules name their metrics
    higher = _higher_is_better(section, config.get("trusted_packages") or ())
    return None if higher is None else "max" if higher else "min"


def sign(mode: Mode | None) -> int:
    """1 where higher is better, else -1."""
    return 1 if mode == "max" else -1


def needs_mode(monitor: str, metrics: Iterable[str] = ()) -> str:
    """The message for a metric whose mode is unknown; `metrics` are the user's, in addition to OWN."""
    stage, slash, _ = monitor.partition("/")
    names = (*OWN, *metrics) if slash else ()
    known = [f"{stage}/{name}" for name in names if f"{stage}/{name}" != monitor]
    return (
        f"monitor_mode must be max or min for monitor={monitor}, which does not say which way it is better; got null."
        f"{did_you_mean(monitor, known)}"
    )


def _higher_is_better(section: Mapping[str, Any], trusted_packages: Any) -> bool | None:
    """Read from the source of the metric's class; where the source does not show it, from the class or an instance."""
    source = read_class(str(section.get("_target_")))
    in_source = source.attribute("higher_is_better") if source is not None else None
    if isinstance(in_source, bool):
        return in_source
    from gradexp.building.construct import constructed
    from gradexp.building.trust import trusted_class

    cls = trusted_class(section.get("_target_"), "metrics", trusted_packages)
    if isinstance(cls.higher_is_better, bool):
        return cls.higher_is_better
    # torchmetrics.Accuracy and similar classes build an instance of another class, chosen by `task`.
    given = {name: value for name, value in section.items() if name != "_target_"}
    offered = {name: value for name, value in STAND_INS.items() if name not in given}
    try:
        of_instance = constructed(cls, "metrics", given, offered).higher_is_better
    except ValueError:  # the model reports it, because it knows the classes
        return None
    return of_instance if isinstance(of_instance, bool) else None
