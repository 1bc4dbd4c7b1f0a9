"""Gradient accumulation: how many batches make one optimizer step, and how many steps a fit has."""

from collections.abc import Mapping
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
            own: Accumulation = module.accumulation
            return own
        callbacks = callbacks_of(trainer)
        schedules = [each.scheduling for each in callbacks if isinstance(each, GradientAccumulationScheduler)]
        return cls(schedules[0] if schedules else trainer.accumulate_grad_batches)

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
        ends = [*starts[1:], epochs]
        return sum(
            (end - start) * -(-batches // self.schedule[start]) for start, end in zip(starts, ends, strict=False)
        )

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
