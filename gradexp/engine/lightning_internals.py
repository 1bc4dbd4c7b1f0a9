"""All that gradexp touches of Lightning's insides: loop states, progress counters, private names.

Each function has a test that fails by its name when Lightning changes what it relies on (tests/engine/
test_lightning_internals.py), and no other room touches any of this (a test says so).
"""

import os
from contextlib import AbstractContextManager
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loops.utilities import _block_parallel_sync_behavior
from lightning.pytorch.trainer.states import TrainerFn, TrainerStatus

# What Lightning notes the running hook under, on the module, some forty times a step.
CURRENT_HOOK = "_current_fx_name"
# By which Lightning chooses how torch looks for a GPU.
CUDA_CHECK = "PYTORCH_NVML_BASED_CUDA_CHECK"


def drop_slow_cuda_check() -> None:
    """Where there is no GPU, let torch look for one in its own way.

    Lightning makes it ask the driver's library, so that processes can be forked afterwards, which takes a tenth of a
    millisecond; Adam looks in every step.
    """
    if not torch.cuda.is_available():
        os.environ.pop(CUDA_CHECK, None)


def callbacks_of(trainer: Trainer) -> list[Any]:
    """The trainer's callbacks; Lightning sets this attribute from outside the class, so mypy does not know it."""
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    return callbacks


def is_last_batch(trainer: Trainer) -> bool:
    """Whether the batch at hand is its epoch's last; `max_steps` may end a fit before."""
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


def leave_epoch(trainer: Trainer) -> None:
    """Let Lightning know that the batch at hand is not its epoch's last, since not all of it was trained on."""
    trainer.fit_loop.epoch_loop.batch_progress.is_last_batch = False


def coming_batch(trainer: Trainer) -> int:
    """The number, from 0 on over all epochs, of the batch that comes next, before its hooks are called."""
    return trainer.fit_loop.total_batch_idx + 1


def log_evaluation_at(trainer: Trainer, step: int) -> None:
    """Let what a test logs stand at `step`: Lightning counts batches, of which each may have held several steps."""
    trainer.fit_loop.epoch_loop._batches_that_stepped = step


def begin_batch(trainer: Any, batch: Any) -> None:
    """Within a group, let what `self.log` is given belong to a batch of the group, as to one of Lightning's own."""
    trainer._logger_connector.on_batch_start(batch)


def end_batch(trainer: Any, is_step: bool, has_logged: bool) -> None:
    """Within a group, do with what was logged in one of its batches what Lightning does as a batch of its own ends.

    Args:
        trainer: Of the fit.
        is_step: Whether the batch completed a step.
        has_logged: Whether there is anything.
    """
    if has_logged:
        trainer._logger_connector.on_batch_end()
        if is_step:
            trainer._logger_connector.update_train_step_metrics()
    if is_step:
        trainer.fit_loop.epoch_loop._batches_that_stepped += 1


def count_steps(trainer: Trainer) -> None:
    """As a group ends, let Lightning log at the number of steps: it counts groups, and is off by one after a resume."""
    loop = trainer.fit_loop.epoch_loop
    to_come = 0 if loop._should_accumulate() else 1  # which Lightning adds when it has logged
    loop._batches_that_stepped = trainer.global_step - to_come


def clip_under_manual_optimization(trainer: Trainer) -> None:
    """Let the trainer's precision clip where Lightning's own loop does: after all hooks that see the gradients.

    Lightning skips that of modules under manual optimization.
    """
    plugin: Any = trainer.precision_plugin
    clip = type(plugin)._clip_gradients

    def clip_if_stepped(model: Any, optimizer: Any, clip_val: Any = None, gradient_clip_algorithm: Any = None) -> None:
        if getattr(model, "is_stepped", False):
            model.configure_gradient_clipping(optimizer, clip_val, gradient_clip_algorithm)
        else:
            clip(plugin, model, optimizer, clip_val, gradient_clip_algorithm)

    plugin._clip_gradients = clip_if_stepped


def is_fitting(module: LightningModule) -> bool:
    """Whether a fit of the module is under way."""
    trainer = module._trainer
    return (
        trainer is not None and trainer.state.fn == TrainerFn.FITTING and trainer.state.status == TrainerStatus.RUNNING
    )


def saves_by_steps(checkpoint: ModelCheckpoint) -> bool:
    """Whether it was given `every_n_train_steps`."""
    return checkpoint._every_n_train_steps > 0


def save_by_the_clock(trainer: Trainer, batch_idx: int) -> None:
    """Call ModelCheckpoint's hook where it was given `train_time_interval`, as a batch has ended.

    Under manual optimization it saves by steps only, so for that moment the module looks automatic.
    """
    callbacks = callbacks_of(trainer)
    module: Any = trainer.lightning_module
    for callback in callbacks:
        if isinstance(callback, ModelCheckpoint) and callback._train_time_interval is not None:
            counted = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total
            counted.ready = counted.completed = trainer.global_step
            module.automatic_optimization = True
            try:
                callback.on_train_batch_end(trainer, module, None, None, batch_idx)
            finally:
                module.automatic_optimization = False


def without_gradient_sync(trainer: Trainer) -> AbstractContextManager[None]:
    """A context in which the processes of a fit do not exchange gradients."""
    context: AbstractContextManager[None] = _block_parallel_sync_behavior(trainer.strategy, block=True)
    return context


def put_between_epochs(checkpoint: dict[str, Any]) -> None:
    """Make a checkpoint that was taken as an epoch began, or after the fit, one that lies between two epochs.

    Lightning forgets the batches of an epoch only as the next one begins. Where `max_steps` ended the fit within an
    epoch, which Lightning counts as a whole one, a run that resumes with more steps takes the rest of its batches.
    """
    loops = checkpoint["loops"]["fit_loop"]
    batches, epochs = loops["epoch_loop.batch_progress"], loops["epoch_progress"]
    in_mid_epoch = batches["current"]["completed"] > 0 and not batches["is_last_batch"]
    if not in_mid_epoch:
        batches["current"] = dict.fromkeys(batches["current"], 0)
        batches["is_last_batch"] = False
    for progress in (epochs["current"], epochs["total"]):
        if in_mid_epoch:
            progress["processed"] = progress["completed"] = progress["started"] - 1
        else:
            progress["ready"] = progress["started"] = progress["completed"]


def set_batches_done(trainer: Trainer, number: int) -> None:
    """Let a fit that resumes within an epoch count `number` batches of it as done; to be called as it starts."""
    current: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    # Of a checkpoint that was saved in on_train_batch_end, Lightning completes the batch as its epoch begins.
    to_complete = current.ready - current.completed
    current.ready = current.started = current.processed = number
    current.completed = number - to_complete
