"""A linear warm-up of the learning rate, and the schedules that can follow it."""

from torch.optim import Optimizer, lr_scheduler

# These multiply the rate that there is, whoever set it, so that a warm-up by steps goes beside them.
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


def rising(optimizer: Optimizer, steps: int) -> lr_scheduler.LRScheduler:
    """1/n, 2/n, ... of the rate in the first n steps (Goyal et al. 2017)."""
    return lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)


def check_goes_with_warmup(cls: type, interval: str, warmup: int) -> None:
    """Hold a schedule against a warm-up before it, or beside it where it is stepped by epochs.

    Args:
        cls: The schedule's class.
        interval: "step" or "epoch", after which it is stepped.
        warmup: Steps of the warm-up.

    Raises:
        ValueError: The rates would not be those of a rise and then the schedule.
    """
    if issubclass(cls, lr_scheduler.OneCycleLR):
        raise ValueError(f"scheduler.warmup_steps must be 0 for OneCycleLR, which has its own; got {warmup}.")
    if issubclass(cls, lr_scheduler.SequentialLR | lr_scheduler.ChainedScheduler):
        raise ValueError(
            f"scheduler.warmup_steps must be 0 for {cls.__name__}, in whose list a LinearLR is a warm-up; got {warmup}."
        )
    if interval == "epoch" and not issubclass(cls, RELATIVE):
        raise ValueError(
            f"scheduler.interval must be step for {cls.__name__} with scheduler.warmup_steps, as it sets the rate "
            f"anew; got {interval!r}."
        )
