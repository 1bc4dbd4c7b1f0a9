"""Batches and steps: how many batches make a step, how many steps a fit has, and how far it has come."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from gradexp.arguments import checked
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.engine.step_callback import takes_steps
from gradexp.rules import ACCUMULATION


class Accumulation:
    """Batches per step, by epoch. The last step of an epoch takes the remaining batches.

    Args:
        accumulate_grad_batches: One number for all epochs, or a number for each epoch, counted from 0, at which it
            changes: ``{0: 1, 4: 2}``. Until the first of these epochs each batch is a step.

    Raises:
        ValueError: A number or an epoch breaks its rule.
    """

    @checked
    def __init__(self, accumulate_grad_batches: Annotated[int | Mapping[int, int], ACCUMULATION]) -> None:
        number = accumulate_grad_batches
        self.schedule = dict(sorted({0: 1, **(number if isinstance(number, Mapping) else {0: number})}.items()))

    @classmethod
    def of(cls, trainer: Trainer) -> "Accumulation":
        """The accumulation of a fit, whether gradexp or Lightning takes its steps."""
        module: Any = trainer.lightning_module
        if takes_steps(module):
            accumulation: Accumulation = module.accumulation
            return accumulation
        for callback in callbacks_of(trainer):
            if isinstance(callback, GradientAccumulationScheduler):
                return cls(callback.scheduling)
        return cls(trainer.accumulate_grad_batches)

    @property
    def is_scheduled(self) -> bool:
        """Whether the number changes from epoch to epoch."""
        return len(self.schedule) > 1

    @property
    def largest(self) -> int:
        return max(self.schedule.values())

    def batches_per_step(self, epoch: int) -> int:
        return next(number for start, number in reversed(self.schedule.items()) if start <= epoch)

    def steps(self, epochs: int, batches: int) -> int:
        """Steps in the first `epochs` epochs of `batches` batches each."""
        starts = [start for start in self.schedule if start < epochs]
        return sum((end - start) * -(-batches // self.schedule[start]) for start, end in pairwise([*starts, epochs]))

    def batch_of_step(self, step: int, batches: int, epoch: int = 0, begun: int = 0) -> int:
        """The batch within its epoch, from 1 to `batches`, that completes a step.

        Args:
            step: Steps from now; the next step is 1.
            batches: Batches in an epoch.
            epoch: The current epoch.
            begun: Batches of it that were begun.
        """
        number = self.batches_per_step(epoch)
        remaining = step + begun // number  # counted from the beginning of the epoch
        while remaining > (steps := -(-batches // number)):
            later = [start for start in self.schedule if start > epoch]
            # Skip all epochs up to the next change of the number, or up to the epoch that has the step.
            epochs = min(later[0] - epoch if later else remaining, (remaining - 1) // steps)
            remaining -= epochs * steps
            epoch += epochs
            number = self.batches_per_step(epoch)
        return min(remaining * number, batches)


@dataclass
class Progress:
    """Counts single batches of a fit and of its current epoch; Lightning counts groups of them.

    A plain object, because assigning an attribute of an nn.Module takes twenty times as long.

    Attributes:
        batches: Batches begun in the whole fit, including the parts before a resume.
        epoch: The current epoch.
        of_epoch: Batches begun in that epoch.
        steps: Optimizer steps before the resume.
        has_logged: Whether `self.log` was called in the current batch.
        lr: The learning rate of the last step; None before the first.
        goes_to_loggers: Whether any call so far logs to the loggers; Lightning repeats its value at every log.
    """

    batches: int = 0
    epoch: int = 0
    of_epoch: int = 0
    steps: int = 0
    has_logged: bool = False
    goes_to_loggers: bool = False
    lr: Any = None

    def begin_batch(self) -> None:
        self.batches += 1
        self.of_epoch += 1
        self.has_logged = False

    def batch_of_last_step(self, accumulation: Accumulation, max_steps: int, batches: int) -> int:
        """The batch, from 1 to `batches` within its epoch, at which `max_steps` ends the fit; 0 if it does not."""
        remaining = max_steps - self.steps
        if max_steps < 0 or remaining < 1:
            return 0
        if self.of_epoch >= batches:  # between two epochs
            return accumulation.batch_of_step(remaining, batches, self.epoch + 1)
        return accumulation.batch_of_step(remaining, batches, self.epoch, self.of_epoch)


def batches_per_epoch(trainer: Trainer) -> float:
    """Single batches in an epoch; infinite where the loader has no length."""
    if trainer.train_dataloader is None:
        _ = trainer.estimated_stepping_batches  # creates the loader
    loader: Any = trainer.train_dataloader
    if getattr(loader, "steps_per_execution", 1) > 1:
        number: int = loader.num_steps
        return number
    return trainer.num_training_batches


def total_steps(trainer: Trainer) -> float:
    """Optimizer steps in a whole fit; infinite where neither epochs nor steps are limited."""
    by_steps = float("inf") if trainer.max_steps == -1 else trainer.max_steps
    if trainer.max_epochs is None or trainer.max_epochs == -1:
        return by_steps
    batches = batches_per_epoch(trainer)
    if batches == float("inf"):
        return by_steps
    return min(Accumulation.of(trainer).steps(trainer.max_epochs, int(batches)), by_steps)


def total_epochs(trainer: Trainer) -> float:
    """Epochs of a whole fit, with one that `max_steps` cuts short; infinite where that is unknown."""
    by_epochs = float("inf") if trainer.max_epochs in (None, -1) else trainer.max_epochs
    batches = batches_per_epoch(trainer)
    if trainer.max_steps == -1 or batches == float("inf"):
        return by_epochs
    steps = partial(Accumulation.of(trainer).steps, batches=int(batches))
    return min(by_epochs, bisect_left(range(trainer.max_steps), trainer.max_steps, key=steps))
