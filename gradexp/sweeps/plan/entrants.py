"""Who competes in a benchmark, and on what: an optimizer, and a problem with its own scores."""

import json
from collections.abc import Mapping
from typing import Any

from gradexp.configuration.class_sections import TARGET, rival
from gradexp.sweeps.plan.axes import text

# Axes whose values are problems: scores of different ones have no order.
PROBLEM = ("experiment", "problem", "data", f"data.{TARGET}", "data.path", "data.target", "model.surface")


def entrant(settings: Mapping[str, Any], for_each: str) -> str:
    """The value of the axis `for_each` as text, also where its classes were typed; "" where it is no axis.

    >>> entrant({"optimizer._target_": "lion_pytorch.Lion", "seed": 0}, "optimizer")
    'lion_pytorch.Lion'
    """
    keys = (for_each, rival(for_each))
    value: Any = next((settings[key] for key in keys if key is not None and key in settings), None)
    target = value.get(TARGET) if isinstance(value, Mapping) else None
    if isinstance(target, str):
        arguments = {key: item for key, item in value.items() if key != TARGET}
        return f"{target} {text(arguments)}" if arguments else target
    if value is None or isinstance(value, str):
        return value or ""
    return text(value)


def problem(settings: Mapping[str, Any]) -> str:
    """What identifies the problem of a job among those of its sweep, as text."""
    return json.dumps({key: value for key, value in settings.items() if key in PROBLEM}, sort_keys=True)
