"""Learning-rate schedules, stepped when Lightning's own loop would step them."""

from collections.abc import Collection, Mapping
from typing import Any


def step_schedules(
    module: Any, interval: str, ended: int, metrics: Mapping[str, Any] | None = None, awaited: Collection[str] = ()
) -> None:
    """Step the due schedules of `trainer.lr_scheduler_configs`, to which callbacks may have added.

    Args:
        module: A SteppedModule, whose `lr_scheduler_step` is called.
        interval: What has ended, "step" or "epoch".
        ended: Batches of this epoch so far, or epochs.
        metrics: For the schedules that watch a metric, such as ReduceLROnPlateau; None to step all others instead.
        awaited: Metrics of a validation that this epoch did not have. The schedules that watch them wait for it;
            `metrics` may have their values of an earlier epoch.

    Raises:
        ValueError: A schedule's metric was not measured.
    """
    for config in module.trainer.lr_scheduler_configs:
        is_asked_for = config.reduce_on_plateau == (metrics is not None)
        if not is_asked_for or config.interval != interval or ended % config.frequency:
            continue
        if metrics is None:
            module.lr_scheduler_step(config.scheduler, None)
        elif str(config.monitor) in metrics and str(config.monitor) not in awaited:
            module.lr_scheduler_step(config.scheduler, metrics[str(config.monitor)])
        elif config.strict and not (str(config.monitor) in awaited and _has_validation(module.trainer)):
            every = module.trainer.check_val_every_n_epoch
            hint = f" The validation is measured every {every} epochs." if every and every > 1 else ""
            raise ValueError(f"monitor must be one of {', '.join(metrics)}; got {config.monitor!r}.{hint}")


def _has_validation(trainer: Any) -> bool:
    """Whether the fit is long enough for a validation."""
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    return trainer.enable_validation and (every is None or epochs in (None, -1) or every <= epochs)
