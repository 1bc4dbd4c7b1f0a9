"""Which way a monitored metric is better: by what was asked for, or by the metric's own word; never by a guess."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from gradexp.building.class_reader import read_class
from gradexp.rules import did_you_mean

Mode = Literal["max", "min"]

# What our models log, as the metrics' own classes have it (`higher_is_better`); a test holds one against the other.
OWN: Mapping[str, Mode] = {
    "loss": "min",
    "penalty": "min",
    "objective": "min",
    "mse": "min",
    "accuracy": "max",
    "r2": "max",
    "error": "min",
}

# In the place of what the data says, where a metric is built only to be asked.
STAND_INS = {"task": "multiclass", "num_classes": 1000, "num_labels": 1000}


def monitor_mode(config: Mapping[str, Any]) -> Mode | None:
    """The mode: "max" where more of `monitor` is better, "min" where less is, None where nothing says it.

    Args:
        config: A configuration as plain data: its `monitor`, `monitor_mode`, `metrics` and `trusted_packages`.
    """
    if config.get("monitor_mode") in ("max", "min"):
        asked: Mode = config["monitor_mode"]
        return asked
    name = str(config["monitor"]).rpartition("/")[2]
    section = (config.get("metrics") or {}).get(name)
    if section is None:
        return OWN.get(name)
    higher = _higher_is_better(section, config.get("trusted_packages") or ())
    return None if higher is None else "max" if higher else "min"


def sign(mode: Mode | None) -> int:
    """1 where more is better, else -1."""
    return 1 if mode == "max" else -1


def needs_mode(monitor: str, metrics: Iterable[str] = ()) -> str:
    """What is said where nothing says which way a metric is better.

    Args:
        monitor: The metric.
        metrics: Names of the user's own, beside those of OWN.
    """
    stage = monitor.partition("/")[0]
    known = [f"{stage}/{name}" for name in (*OWN, *metrics) if f"{stage}/{name}" != monitor]
    return (
        f"monitor_mode must be max or min for monitor={monitor}, which does not say which way it is better; got null."
        f"{did_you_mean(monitor, known)}"
    )


def _higher_is_better(section: Mapping[str, Any], trusted_packages: Any) -> bool | None:
    """By the source of the metric's class; where that does not say it, by the class or an object of it."""
    source = read_class(str(section.get("_target_")))
    known = source.attribute("higher_is_better") if source is not None else None
    if isinstance(known, bool):
        return known
    from gradexp.building.construct import constructed
    from gradexp.building.trust import trusted_class

    cls = trusted_class(section.get("_target_"), "metrics", trusted_packages)
    if isinstance(cls.higher_is_better, bool):
        return cls.higher_is_better
    # torchmetrics.Accuracy and its like are of another class, by their `task`, once they are built.
    given = {name: value for name, value in section.items() if name != "_target_"}
    offered = {name: value for name, value in STAND_INS.items() if name not in given}
    try:
        found = constructed(cls, "metrics", given, offered).higher_is_better
    except ValueError:  # said by the model, which knows the classes
        return None
    return found if isinstance(found, bool) else None
