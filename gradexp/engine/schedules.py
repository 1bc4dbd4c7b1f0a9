"""Learning-rate schedules, stepped when Lightning's own loop would step them."""

from collections.abc import Mapping
from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau


def step_schedules(module: Any, interval: str, ended: int, metrics: Mapping[str, Any] | None = None) -> None:
    """Step those of `trainer.lr_scheduler_configs`, where callbacks too may have put one, that are due.

    Args:
        module: A SteppedModule, whose `lr_scheduler_step` is called, and whose `monitor` a plateau schedule watches.
        interval: "step" or "epoch": what has ended.
        ended: Batches of this epoch so far, or epochs.
        metrics: By name, where schedules that watch one are meant, which come last; None for the others.

    Raises:
        ValueError: There is no metric of the monitor's name.
    """
    for config in module.trainer.lr_scheduler_configs:
        is_plateau = isinstance(config.scheduler, ReduceLROnPlateau)
        if config.interval != interval or is_plateau != (metrics is not None) or ended % config.frequency:
            continue
        if metrics is not None and module.monitor not in metrics:
            raise ValueError(f"monitor must be one of {', '.join(metrics)}; got {module.monitor!r}.")
        module.lr_scheduler_step(config.scheduler, None if metrics is None else metrics[module.monitor])
