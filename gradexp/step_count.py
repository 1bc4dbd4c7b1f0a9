"""Optimizer steps of a fit, where one batch of Lightning's may hold several of them (see BatchLoader)."""

import math
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor


def single_batches(batch: Any) -> list[Any]:
    """The batches of `batch`, each for one step: itself, or those that it is a list of."""
    return [batch] if isinstance(batch[0], Tensor) else batch


def steps_at_once(trainer: Any, wanted: int, steps_per_epoch: int, resumed: int) -> int:
    """The largest divisor of `wanted` steps that can be taken without Lightning's work in between.

    It divides what is between two logs, a fit's last epoch where `max_steps` ends it, and the place within an epoch
    from which a fit goes on. It is 1 where Lightning is needed in every step.

    Args:
        trainer: Of the fit.
        wanted: Steps that the user would have at once.
        steps_per_epoch: Steps in an epoch.
        resumed: Steps that a resumed epoch has done.
    """
    every_step = (
        trainer.world_size > 1,
        trainer.accumulate_grad_batches > 1,
        trainer.gradient_clip_val,
        trainer.limit_train_batches != 1.0,
        trainer.overfit_batches,
        trainer.val_check_interval != 1.0,
    )
    if any(every_step):
        return 1
    last = trainer.max_steps % steps_per_epoch if trainer.max_steps > 0 else 0
    return math.gcd(wanted, trainer.log_every_n_steps, last, resumed)


def total_steps(trainer: Trainer) -> float:
    """Steps of the whole fit; infinite where nothing ends it."""
    estimate: float = trainer.estimated_stepping_batches  # loads the training batches too
    loader: Any = trainer.train_dataloader
    if getattr(loader, "steps_per_execution", 1) == 1 or trainer.max_epochs in (None, -1):
        return estimate
    steps: int = loader.num_steps * trainer.max_epochs
    return steps if trainer.max_steps == -1 else min(steps, trainer.max_steps)


class Interval:
    """Tells when steps have crossed a multiple of `length`: every `length` steps, where they come one by one.

    Args:
        length: Steps between two events; 0 for no event ever.
        done: Steps done already.
    """

    def __init__(self, length: int, done: int = 0) -> None:
        self.length = length or 2**62
        self.start(done)

    @classmethod
    def between_logs(cls, trainer: Any) -> "Interval":
        """`log_every_n_steps` steps, from where the fit is."""
        return cls(trainer.log_every_n_steps, trainer.global_step)

    def start(self, done: int) -> None:
        """Begin to count, `done` steps into the fit."""
        self._last = done // self.length

    def is_over(self, done: int) -> bool:
        """Whether a multiple was reached since it last was; asking again says no."""
        before, self._last = self._last, done // self.length
        return self._last != before
