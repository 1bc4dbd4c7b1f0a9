"""Renamed keys and options: a message tells the new name to a user who types the old one."""

from collections.abc import Mapping

KEYS: Mapping[str, str] = {
    "case": "problem",
    "data.passes": "data.repeat",
    "optimizer.name": "optimizer._target_",
    "scheduler.name": "scheduler._target_",
}
OPTIONS: Mapping[tuple[str, str], str] = {("model", "perceptron"): "sigmoid_units"}  # group and option
CLASSES: Mapping[str, str] = {"gradexp.models.Perceptron": "gradexp.models.SigmoidUnits"}


def renamed_key(key: str) -> str | None:
    """The message for a key that was renamed; None for any other."""
    return f"{key} is now called {KEYS[key]}." if key in KEYS else None


def renamed_option(group: str, option: str) -> str | None:
    """The message for an option that was renamed; None for any other."""
    new = OPTIONS.get((group, option))
    return f"{group}={option} is now called {group}={new}." if new is not None else None
