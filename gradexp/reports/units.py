"""The units of errors, in words: of targets that are standardised for the fit, some are in the targets' own unit."""

import math
from collections.abc import Mapping
from typing import Any

LONGEST = 20  # letters of a target's name that stands beside each error

Metrics = Mapping[str, Any]


def unit(name: str, metrics: Metrics) -> str:
    """' [UNIT]' of a mean squared error or of its root; empty for any other metric.

    Args:
        name: The metric, such as test/rmse.
        metrics: The content of metrics.json.
    """
    if name.endswith("/rmse"):
        return f" [{_target(metrics)}]" * is_in_targets_unit(name, metrics)
    squared = "std" if is_standardised(metrics) else _target(metrics)
    return f" [{squared}^2]" if name.endswith("/mse") else ""


def explained(metrics: Metrics) -> str:
    """What the units mean; empty where there is only the targets' own."""
    if not is_standardised(metrics):
        return ""
    std = f"{metrics['target_std']:.4g}"
    own = f"[{_target(metrics)}] the targets' own, [std] their standard deviation, {std}"
    return f"{own}; the loss is of standardised targets"


def is_in_targets_unit(name: str, metrics: Metrics) -> bool:
    """Whether a root mean squared error is the one that gradexp adds; a user's metric of the name is another number."""
    root, squared, std = metrics.get(name), metrics.get(name.replace("/rmse", "/mse")), metrics.get("target_std", 1.0)
    if root is None or squared is None:
        return False
    return math.isclose(root * root, squared * std * std, rel_tol=1e-5)


def is_standardised(metrics: Metrics) -> bool:
    """Whether the targets were standardised for the fit."""
    return bool(metrics.get("target_std", 1.0) != 1)


def _target(metrics: Metrics) -> str:
    """What the target's own unit is called: its column's name, where that is short."""
    name = str(metrics.get("target_name", ""))
    return name if 0 < len(name) <= LONGEST else "target"
