"""All code that depends on Lightning's internals: loop states, progress counters, private names.

Each function has a test of its name in tests/engine/test_lightning_internals.py, which fails when Lightning changes
what it relies on. Another test checks that no other module uses Lightning's internals.
"""

import functools
import importlib.metadata
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities import registry
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, ModelPruning
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.loops.utilities import _block_parallel_sync_behavior
from lightning.pytorch.trainer.states import TrainerFn, TrainerStatus

# The module's attribute that Lightning sets to the current hook's name, some forty times a step.
CURRENT_HOOK = "_current_fx_name"
# The variable by which Lightning chooses how torch looks for a GPU.
CUDA_CHECK = "PYTORCH_NVML_BASED_CUDA_CHECK"


def drop_slow_cuda_check() -> None:
    """Without a GPU, let torch look for one in its default way.

    Lightning makes torch ask the driver's library, so that processes can be forked later. That takes 0.1 ms, and Adam
    looks in every step.
    """
    if not torch.cuda.is_available():
        os.environ.pop(CUDA_CHECK, None)


def list_packages_once() -> None:
    """Let Lightning list the callbacks of installed packages once a process, not for each Trainer, 5 ms."""
    if vars(registry)["entry_points"] is importlib.metadata.entry_points:
        vars(registry)["entry_points"] = functools.cache(importlib.metadata.entry_points)


def callbacks_of(trainer: Trainer) -> list[Any]:
    """The trainer's callbacks; Lightning sets this attribute from outside the class, so mypy does not know it."""
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    return callbacks


def is_last_batch(trainer: Trainer) -> bool:
    """Whether the current batch is its epoch's last; `max_steps` may end the fit earlier."""
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


def leave_epoch(trainer: Trainer) -> None:
    """Tell Lightning that the current batch is not its epoch's last, because only a part of it was trained on."""
    trainer.fit_loop.epoch_loop.batch_progress.is_last_batch = False


def coming_batch(trainer: Trainer) -> int:
    """The number of the next batch, counted from 0 over all epochs, before its hooks are called."""
    return trainer.fit_loop.total_batch_idx + 1


def log_evaluation_at(trainer: Trainer, step: int) -> None:
    """Let a test log at `step`: Lightning counts batches, each of which may have held several steps."""
    trainer.fit_loop.epoch_loop._batches_that_stepped = step


def begin_batch(trainer: Any, batch: Any) -> None:
    """Assign the following `self.log` calls to a single batch of a group, as Lightning does at the start of a batch."""
    trainer._logger_connector.on_batch_start(batch)


def end_batch(trainer: Any, is_step: bool, has_logged: bool) -> None:
    """Process the logged values of a single batch of a group, as Lightning does at the end of a batch."""
    if has_logged:
        trainer._logger_connector.on_batch_end()
        if is_step:
            trainer._logger_connector.update_train_step_metrics()
    if is_step:
        trainer.fit_loop.epoch_loop._batches_that_stepped += 1


def count_steps(trainer: Trainer) -> None:
    """At the end of a group, let Lightning log at the number of steps.

    Lightning counts groups, and is off by one after a resume.
    """
    loop = trainer.fit_loop.epoch_loop
    added_later = 0 if loop._should_accumulate() else 1  # Lightning adds it after logging
    loop._batches_that_stepped = trainer.global_step - added_later


def clip_under_manual_optimization(trainer: Trainer) -> None:
    """Let the trainer's precision clip where Lightning's own loop does: after all hooks that see the gradients.

    Lightning does not clip for modules under manual optimization.
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
    """Whether a fit of the module is running."""
    trainer = module._trainer
    return (
        trainer is not None and trainer.state.fn == TrainerFn.FITTING and trainer.state.status == TrainerStatus.RUNNING
    )


def saves_by_steps(checkpoint: ModelCheckpoint) -> bool:
    """Whether `every_n_train_steps` was set."""
    return checkpoint._every_n_train_steps > 0


def save_by_the_clock(trainer: Trainer, batch_idx: int) -> None:
    """Call the hook of every ModelCheckpoint that has a `train_time_interval`, at the end of a batch.

    Under manual optimization it saves by steps only, so the module is set to automatic during the call.
    """
    module: Any = trainer.lightning_module
    for callback in callbacks_of(trainer):
        if isinstance(callback, ModelCheckpoint) and callback._train_time_interval is not None:
            steps = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total
            steps.ready = steps.completed = trainer.global_step
            module.automatic_optimization = True
            try:
                callback.on_train_batch_end(trainer, module, None, None, batch_idx)
            finally:
                module.automatic_optimization = False


def build_optimizers_again(trainer: Trainer) -> None:
    """Call configure_optimizers anew, before the first step.

    Under manual optimization Lightning ignores some settings of a schedule, so the module is set to automatic.
    """
    module = trainer.lightning_module
    automatic, module.automatic_optimization = module.automatic_optimization, True
    trainer.strategy.setup_optimizers(trainer)
    module.automatic_optimization = automatic


def without_gradient_sync(trainer: Trainer) -> AbstractContextManager[None]:
    """A context in which the fit's processes do not synchronise gradients."""
    context: AbstractContextManager[None] = _block_parallel_sync_behavior(trainer.strategy, block=True)
    return context


def weights_to_save(trainer: Trainer) -> dict[str, torch.Tensor]:
    """A copy of the weights that a checkpoint would hold now, with all that callbacks make of them as it is saved."""
    checkpoint = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    return {name: tensor.detach().clone() for name, tensor in checkpoint["state_dict"].items()}


def save_with_weights(trainer: Trainer, path: Path, weights: dict[str, torch.Tensor], step: int) -> None:
    """Save a checkpoint that holds earlier weights, those after `step` optimizer steps.

    If later ones have been trained since, "weights_step" says so: the rest of the checkpoint does not belong to them.
    """
    checkpoint = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    checkpoint["state_dict"] = weights
    if step != trainer.global_step:
        checkpoint["weights_step"] = step
    trainer.strategy.save_checkpoint(checkpoint, path)
    trainer.strategy.barrier()


@contextmanager
def measuring(trainer: Trainer, *only: Callback) -> Iterator[None]:
    """A context in which the trainer validates without loggers, and without callbacks but `only` these."""
    callbacks, loggers = callbacks_of(trainer), trainer.loggers
    # Without any logger Lightning warns that a module logs in vain.
    trainer.callbacks, trainer.loggers = list(only), [DummyLogger()]  # type: ignore[attr-defined]
    try:
        yield
    finally:
        trainer.callbacks, trainer.loggers = callbacks, loggers  # type: ignore[attr-defined]


def put_between_epochs(checkpoint: dict[str, Any]) -> None:
    """Turn a checkpoint taken at the start of an epoch, or after the fit, into one between two epochs.

    Lightning resets the batches of an epoch only when the next epoch begins. If `max_steps` ended the fit within an
    epoch, Lightning counts that epoch as complete; after this call, a run resumed with more steps continues it.
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
    """Let a fit that resumes within an epoch count `number` of its batches as done; called in on_train_start."""
    current: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    # After a checkpoint saved in on_train_batch_end, Lightning completes that batch as the epoch begins.
    to_complete = current.ready - current.completed
    current.ready = current.started = current.processed = number
    current.completed = number - to_complete


def epochs_done(checkpoint: Mapping[str, Any]) -> int:
    """The whole epochs that a checkpoint's fit has trained for."""
    done: int = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"]
    return done


def stops_early(stopping: EarlyStopping, score: float, epoch: int) -> bool:
    """Whether an EarlyStopping that no trainer has ends a fit after a score in this epoch, counted from 0."""
    stops, reason = stopping._evaluate_stopping_criteria(torch.tensor(score))
    if stops:
        stopping.stopped_epoch, stopping.stopping_reason_message = epoch, reason
    return stops


def is_within_epoch(checkpoint: Mapping[str, Any]) -> bool:
    """Whether a checkpoint, which `put_between_epochs` has seen, was saved within an epoch."""
    within: bool = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["completed"] > 0
    return within


def share_lottery_tickets(pruning: ModelPruning) -> None:
    """After a resume, let the weights that ModelPruning goes back to be those of the module, as in the first part.

    Lightning goes back to the initial weights once, without a copy, so that the kept ones are trained from then on.
    """
    if pruning._use_lottery_ticket_hypothesis is not True or pruning._resample_parameters:
        return
    for layer in (pruning._original_layers or {}).values():
        for number, name in layer["names"]:
            module: Any = pruning._parameters_to_prune[number][0]
            kept: Any = getattr(layer["data"], name)
            kept.data = getattr(module, f"{name}_orig", getattr(module, name)).data
