"""Learning-rate schedules, stepped when Lightning's own loop would step them."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.utilities.types import LRSchedulerConfig


def step_schedules(module: Any, interval: str, ended: int) -> None:
    """Step the due schedules of `trainer.lr_scheduler_configs`, to which callbacks may have added.

    Args:
        module: A SteppedModule, whose `lr_scheduler_step` is called.
        interval: What has ended, "step" or "epoch".
        ended: Batches of this epoch so far, or epochs.
    """
    for config in _due(module, interval, ended, watching=False):
        module.lr_scheduler_step(config.scheduler, None)


def step_watching_schedules(module: Any, interval: str, ended: int, metrics: Mapping[str, Any]) -> None:
    """Step the due schedules that watch a metric, such as ReduceLROnPlateau; called after `step_schedules`.

    Raises:
        ValueError: The metric was not measured.
    """
    for config in _due(module, interval, ended, watching=True):
        if str(config.monitor) in metrics:
            module.lr_scheduler_step(config.scheduler, metrics[str(config.monitor)])
        elif config.strict:
            every = module.trainer.check_val_every_n_epoch
            hint = f" The validation is measured every {every} epochs." if every and every > 1 else ""
            raise ValueError(f"monitor must be one of {', '.join(metrics)}; got {config.monitor!r}.{hint}")


def _due(module: Any, interval: str, ended: int, watching: bool) -> list[LRSchedulerConfig]:
    return [
        config
        for config in module.trainer.lr_scheduler_configs
        if config.interval == interval and config.reduce_on_plateau == watching and ended % config.frequency == 0
    ]
