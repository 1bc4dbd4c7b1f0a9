"""The part of Lightning's internals that restores a fit, from a checkpoint or after steps that Lightning did not take.

The rest is in lightning_internals.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn, TrainerStatus
from lightning.pytorch.utilities.combined_loader import CombinedLoader

RestoredPart = Literal["modules", "training"]


def around_restoring(
    trainer: Trainer,
    context: Callable[[], AbstractContextManager[None]],
    before: Callable[[RestoredPart], None],
    after: Callable[[], None],
) -> None:
    """Let the trainer restore a checkpoint within a context, with a call before each part, and one at the end."""
    connector: Any = trainer._checkpoint_connector
    restore_modules, restore_training = connector._restore_modules_and_callbacks, connector.restore_training_state

    def guarded_modules(ckpt_path: Any = None, *arguments: Any, **keywords: Any) -> None:
        with context():
            if ckpt_path is not None:
                before("modules")
            restore_modules(ckpt_path, *arguments, **keywords)

    def guarded_training() -> None:
        with context():
            if connector._loaded_checkpoint:
                before("training")
                restore_training()
                after()

    connector._restore_modules_and_callbacks = guarded_modules
    connector.restore_training_state = guarded_training


def loop_states(trainer: Trainer) -> dict[str, Any]:
    """The states of the loops of a fit, as a checkpoint has them."""
    return {"fit_loop": trainer.fit_loop.state_dict()}


def as_if_fitted(
    trainer: Any,
    module: LightningModule,
    datamodule: Any,
    optimizer: Any,
    schedules: list[Any],
    *,
    epochs: int,
    batches: int,
    validations: int,
    validation_batches: int,
) -> None:
    """Bring a trainer into the state in which it is after a fit by single steps, which something else has done.

    Args:
        trainer: The trainer, which has fitted nothing.
        module: The fitted module.
        datamodule: Its data.
        optimizer: In the state after the fit.
        schedules: Its schedules, as LRSchedulerConfig.
        epochs: Of the fit.
        batches: Of an epoch.
        validations: Of the fit.
        validation_batches: Of a validation.
    """
    trainer.state.fn, trainer.state.status = TrainerFn.FITTING, TrainerStatus.FINISHED
    trainer._data_connector.attach_data(module, datamodule=datamodule)
    trainer.strategy.connect(module)
    trainer.strategy.optimizers, trainer.strategy.lr_scheduler_configs = [optimizer], schedules
    module.automatic_optimization = False
    loop, steps = trainer.fit_loop, epochs * batches
    loop._combined_loader = CombinedLoader(datamodule.train_dataloader())
    epoch_loop = loop.epoch_loop
    validated = epoch_loop.val_loop.batch_progress
    for counts, number in (
        (loop.epoch_progress.total, epochs),
        (loop.epoch_progress.current, epochs),
        (epoch_loop.batch_progress.total, steps),
        (epoch_loop.batch_progress.current, batches if epochs else 0),
        (epoch_loop.manual_optimization.optim_step_progress.total, steps),
        (epoch_loop.manual_optimization.optim_step_progress.current, steps),
        (validated.total, validations * validation_batches),
        (validated.current, validation_batches if validations else 0),
    ):
        for name in vars(counts):
            setattr(counts, name, number)
    epoch_loop.batch_progress.is_last_batch = epochs > 0
    validated.is_last_batch = validations > 0
    epoch_loop._batches_that_stepped = steps
    module.on_load_checkpoint(
        {
            "global_step": steps,
            "batches_begun": {"batches": steps, "epoch": max(0, epochs - 1), "of_epoch": batches if epochs else 0},
        }
    )


def count_steps_done(trainer: Trainer, steps: int) -> None:
    """Set `global_step` of a trainer whose module steps by itself."""
    trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress.total.completed = steps
