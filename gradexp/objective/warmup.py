"""Linear warm-up of the learning rate, and the schedules that can follow it."""

from torch.optim import Optimizer, lr_scheduler

# These schedules multiply the current rate, so a warm-up by steps can run beside them.
RELATIVE = (
    lr_scheduler.ConstantLR,
    lr_scheduler.ExponentialLR,
    lr_scheduler.LinearLR,
    lr_scheduler.MultiStepLR,
    lr_scheduler.MultiplicativeLR,
    lr_scheduler.PolynomialLR,
    lr_scheduler.ReduceLROnPlateau,
    lr_scheduler.StepLR,
)


def linear_warmup(optimizer: Optimizer, steps: int) -> lr_scheduler.LRScheduler:
    """1/n, 2/n, ..., n/n of the rate in the first n steps (Goyal et al. 2017)."""
    return lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)


def check_goes_with_warmup(cls: type, interval: str, warmup: int) -> None:
    """Check that a schedule can be combined with a warm-up, which precedes it, or runs beside it if it steps by epoch.

    Args:
        cls: The schedule's class.
        interval: Whether it steps by "step" or "epoch".
        warmup: Steps of the warm-up.

    Raises:
        ValueError: The rates would not be those of a warm-up followed by the schedule.
    """
    if issubclass(cls, lr_scheduler.OneCycleLR):
        raise ValueError(f"scheduler.warmup_steps must be 0 for OneCycleLR, which has its own; got {warmup}.")
    if issubclass(cls, lr_scheduler.SequentialLR | lr_scheduler.ChainedScheduler):
        raise ValueError(
            f"scheduler.warmup_steps must be 0 for {cls.__name__}; got {warmup}. Put a LinearLR into its list instead."
        )
    if interval == "epoch" and not issubclass(cls, RELATIVE):
        raise ValueError(
            f"scheduler.interval must be step for {cls.__name__} with scheduler.warmup_steps, because it overwrites "
            f"the rate; got {interval!r}."
        )
