"""Optimizer steps of a fit, where one batch of Lightning's may hold several of them (see BatchLoader)."""

from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor


def single_batches(batch: Any) -> list[Any]:
    """The batches of `batch`, each for one step: itself, or those that it is a list of."""
    return [batch] if isinstance(batch[0], Tensor) else batch


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

    def start(self, done: int) -> None:
        """Begin to count, `done` steps into the fit."""
        self._last = done // self.length

    def is_over(self, done: int) -> bool:
        """Whether a multiple was reached since it last was; asking again says no."""
        before, self._last = self._last, done // self.length
        return self._last != before
