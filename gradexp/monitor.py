"""Which way a monitored metric is better."""

from typing import Literal

HIGHER_IS_BETTER = ("accuracy", "r2")


def better(monitor: str) -> Literal["min", "max"]:
    """Return "max" for a metric such as val/accuracy, "min" for one such as val/loss."""
    return "max" if monitor.rpartition("/")[2] in HIGHER_IS_BETTER else "min"
