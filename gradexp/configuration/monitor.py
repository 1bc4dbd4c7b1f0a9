"""Checks the metric that a run monitors, and says which was meant."""

import re
from collections.abc import Mapping
from typing import Any

from gradexp.configuration.groups import groups
from gradexp.objective.monitor import OWN
from gradexp.rules import MONITOR, check, did_you_mean

# The part on which models are chosen, as others call it, or the one that is kept from every choice.
VALIDATION = re.compile(r"(?:test|validation|valid|eval|dev)[/_.](\w+)")


def check_monitor(node: Mapping[str, Any]) -> None:
    """Check that a model of ours can log the monitor: which of these metrics each logs, the task knows.

    Raises:
        ValueError: It is no metric of training or validation, or none that is logged.
    """
    monitor = node["monitor"]
    of_validation = VALIDATION.fullmatch(str(monitor))
    if of_validation:
        raise ValueError(f"monitor must be {MONITOR.words}; got {monitor!r}. Did you mean val/{of_validation[1]}?")
    check("monitor", monitor, MONITOR)
    stage, _, name = monitor.partition("/")
    if name in OWN or node["metrics"] or node["callbacks"]:
        return
    if name in groups()["metrics"]:
        raise ValueError(
            f"monitor must be a metric that the run logs; got {monitor!r}. Type +metrics={name} monitor={monitor}"
        )
    hint = did_you_mean(name, OWN).replace("mean ", f"mean {stage}/")
    raise ValueError(
        f"monitor must be a metric that the run logs, {stage}/ and {', '.join(OWN)}, or one of yours, "
        f"+metrics.{name}._target_=CLASS; got {monitor!r}.{hint}"
    )
