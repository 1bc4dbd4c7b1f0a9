"""Gradient accumulation: how many batches make one step of the optimizer, and so how many steps a fit has."""

from collections.abc import Mapping
from typing import Annotated, Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from gradexp.arguments import checked
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.engine.step_callback import takes_steps
from gradexp.rules import ACCUMULATION


class Accumulation:
    """Batches a step, by epoch. The last step of an epoch takes the batches that are left.

    Args:
        accumulate_grad_batches: One number for all epochs, or numbers by the epoch from which each holds, counted
            from 0: ``{0: 1, 4: 2}``. Before the first of them each batch is a step.

    Raises:
        ValueError: A number or an epoch breaks its rule.
    """

    @checked
    def __init__(self, accumulate_grad_batches: Annotated[int | Mapping[int, int], ACCUMULATION]) -> None:
        given = accumulate_grad_batches
        schedule = given if isinstance(given, Mapping) else {0: given}
        self.schedule = dict(sorted({0: 1, **schedule}.items()))

    @classmethod
    def of(cls, trainer: Trainer) -> "Accumulation":
        """That of a fit, whoever takes its steps."""
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
        """Steps of the first `epochs` epochs of `batches` batches each."""
        starts = [start for start in self.schedule if start < epochs]
        ends = [*starts[1:], epochs]
        return sum(
            (end - start) * -(-batches // self.schedule[start]) for start, end in zip(starts, ends, strict=False)
        )

    def batch_of_step(self, step: int, batches: int, epoch: int = 0, begun: int = 0) -> int:
        """The batch within its epoch, from 1 to `batches`, that completes a step.

        Args:
            step: Which one from now on; the next one is 1.
            batches: Batches in an epoch.
            epoch: The one that is under way.
            begun: Its batches so far.
        """
        number = self.batches_per_step(epoch)
        left = step + begun // number  # counted from the beginning of the epoch
        while left > (steps := -(-batches // number)):
            later = [start for start in self.schedule if start > epoch]
            # All epochs up to the next number, or to the one that holds the step, at once.
            epochs = min(later[0] - epoch if later else left, (left - 1) // steps)
            left -= epochs * steps
            epoch += epochs
            number = self.batches_per_step(epoch)
        return min(left * number, batches)


def batches_per_epoch(trainer: Trainer) -> float:
    """Batches in an epoch, those that are handed over together counted one by one; infinite where nobody knows."""
    if trainer.train_dataloader is None:
        _ = trainer.estimated_stepping_batches  # loads them
    loader: Any = trainer.train_dataloader
    if getattr(loader, "steps_per_execution", 1) > 1:
        number: int = loader.num_steps
        return number
    return trainer.num_training_batches


def total_steps(trainer: Trainer) -> float:
    """Steps of the optimizer in a whole fit; infinite where nothing ends it."""
    by_steps = float("inf") if trainer.max_steps == -1 else trainer.max_steps
    if trainer.max_epochs is None or trainer.max_epochs == -1:
        return by_steps
    batches = batches_per_epoch(trainer)
    if batches == float("inf"):
        return by_steps
    return min(Accumulation.of(trainer).steps(trainer.max_epochs, int(batches)), by_steps)
