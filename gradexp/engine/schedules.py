"""Learning-rate schedules, stepped when Lightning's own loop would step them."""

from collections.abc import Mapping
from typing import Any


def step_schedules(module: Any, interval: str, ended: int, metrics: Mapping[str, Any] | None = None) -> None:
    """Step the due schedules of `trainer.lr_scheduler_configs`, to which callbacks may have added.

    Args:
        module: A SteppedModule, whose `lr_scheduler_step` is called.
        interval: What has ended, "step" or "epoch".
        ended: Batches of this epoch so far, or epochs.
        metrics: For the schedules that watch a metric, such as ReduceLROnPlateau; None to step all others instead.

    Raises:
        ValueError: A schedule's metric was not measured.
    """
    for config in module.trainer.lr_scheduler_configs:
        is_asked_for = config.reduce_on_plateau == (metrics is not None)
        if not is_asked_for or config.interval != interval or ended % config.frequency:
            continue
        if metrics is None:
            module.lr_scheduler_step(config.scheduler, None)
        elif str(config.monitor) in metrics:
            module.lr_scheduler_step(config.scheduler, metrics[str(config.monitor)])
        elif config.strict:
            every = module.trainer.check_val_every_n_epoch
            hint = f" The validation is measured every {every} epochs." if every and every > 1 else ""
            raise ValueError(f"monitor must be one of {', '.join(metrics)}; got {config.monitor!r}.{hint}")
