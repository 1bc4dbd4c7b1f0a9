"""Training steps by manual optimization: one code path for one step or several per Lightning batch."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from typing import Any

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from gradexp.engine.accumulation import Accumulation, Progress
from gradexp.engine.batch_norm import check_batch_norm
from gradexp.engine.lightning_internals import (
    CURRENT_HOOK,
    begin_batch,
    clip_under_manual_optimization,
    count_steps,
    end_batch,
    is_fitting,
    is_last_batch,
    leave_epoch,
    log_evaluation_at,
    save_by_the_clock,
    set_batches_done,
    without_gradient_sync,
)
from gradexp.engine.schedules import step_schedules
from gradexp.engine.step_callback import StepCallback, overriding
from gradexp.engine.step_groups import single_batches
from gradexp.engine.unsupported import check_supported

Batch = Any  # commonly inputs and targets, (Tensor, Tensor)


class SteppedModule(LightningModule, ABC):
    """A module whose training steps gradexp takes: forward, backward, clipping, accumulation, optimizer, schedules.

    A Lightning batch holds one step or several (see StepGroup). Lightning's own work per batch costs more than a small
    model's step, and is done once per group. The hooks of a step are called in the order of Lightning's own loop;
    on_train_batch_start and on_train_batch_end are called once per group. `trainer.gradient_clip_val` clips;
    `trainer.accumulate_grad_batches` is a number, or numbers by epoch.

    A sub-class that overrides `training_step` runs under Lightning's own loop, one batch a step. Under that loop, and
    in a hand-written one, `training_step` returns the objective of the batch.

    Attributes:
        accumulation: How many batches make a step.
    """

    # For the hooks below; a sub-class that overrides on_train_batch_start or _end takes single steps.
    takes_groups = True

    def __init__(self) -> None:
        super().__init__()
        self.accumulation = Accumulation(1)
        self._progress = Progress()

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning sets the current hook's name many times a step. nn.Module would search its parameters, buffers and
        # modules each time, which adds up to 4 % of a step of the MNIST network.
        if name == CURRENT_HOOK:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def takes_steps(self) -> bool:
        """Whether this class takes the steps of its fits: unless a sub-class overrides `training_step`."""
        return type(self).training_step is SteppedModule.training_step

    @property
    def is_stepped(self) -> bool:
        """Whether a fit is running whose steps this class takes."""
        return not self.automatic_optimization and is_fitting(self)

    @property
    def has_own_gradients(self) -> bool:
        """Whether the gradients come from a rule of the model instead of back-propagation."""
        return type(self).assign_gradients is not SteppedModule.assign_gradients

    @property
    def batches_begun(self) -> int:
        """Batches begun in the whole fit, including the parts before a resume."""
        return self._progress.batches

    @property
    def last_lr(self) -> float:
        """The learning rate of the last step."""
        used = self._progress.lr  # None under Lightning's own loop
        return float(self.trainer.optimizers[0].param_groups[0]["lr"] if used is None else used)

    def log(self, *arguments: Any, **keywords: Any) -> None:
        """Lightning's `log`, noted for `end_batch`."""
        self._progress.has_logged = True
        self._progress.goes_to_loggers |= keywords.get("logger") is not False
        super().log(*arguments, **keywords)

    # What a sub-class implements

    @abstractmethod
    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The objective that a step minimises on a batch, and the network's outputs [batch, ...]."""

    def assign_gradients(self, objective: Tensor, outputs: Tensor, batch: Batch) -> None:
        """Add to `.grad` of every parameter, by back-propagation or by a rule of the model.

        Args:
            objective: Loss and penalty of the batch, divided by the number of batches that make a step.
            outputs: The network's [batch, ...].
            batch: The batch that they were computed from.
        """
        self.manual_backward(objective)

    def on_step_end(self) -> None:
        """Called after each batch, after the callbacks."""

    # Lightning's hooks, in its order

    def configure_callbacks(self) -> list[Callback]:
        # Called as a fit begins. Optimization stays automatic until on_fit_start: under manual optimization Lightning
        # refuses clipping and accumulation, ignores some settings of a schedule, and runs no batch-size or
        # learning-rate finder.
        if self.trainer.state.fn == TrainerFn.FITTING:
            if self.trainer.global_step == 0:
                self._progress = Progress()
            self.automatic_optimization = True
        return []

    def setup(self, stage: str) -> None:
        if stage == "fit" and self.takes_steps:
            self.accumulation = Accumulation(self.trainer.accumulate_grad_batches)
            self.trainer.accumulate_grad_batches = self.accumulation.batches_per_step(self.trainer.current_epoch)

    def teardown(self, stage: str) -> None:
        if stage == "fit" and self.accumulation.is_scheduled:
            self.trainer.accumulate_grad_batches = self.accumulation.schedule  # type: ignore[assignment]

    def on_fit_start(self) -> None:
        if not self.takes_steps:
            return
        check_supported(self.trainer, self, self.accumulation)
        self.automatic_optimization = False
        overrides_clipping = type(self).configure_gradient_clipping is not LightningModule.configure_gradient_clipping
        if self.trainer.gradient_clip_val or overrides_clipping:
            clip_under_manual_optimization(self.trainer)
        # The warning does not apply: ModelCheckpoint saves the state after a step, as under Lightning's own loop.
        warnings.filterwarnings("ignore", "Using ModelCheckpoint with manual optimization")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        progress = self._progress
        checkpoint["batches_begun"] = {key: getattr(progress, key) for key in ("batches", "epoch", "of_epoch")}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        begun = checkpoint.get("batches_begun", {})
        self._progress = Progress(**begun | {"steps": checkpoint.get("global_step", 0)})

    def on_train_start(self) -> None:
        check_batch_norm(self.trainer, self)
        # Lightning counts groups, whose size differs if the settings have changed since the checkpoint.
        groups_done = getattr(self.trainer.train_dataloader, "groups_done", None)
        if groups_done is not None:
            set_batches_done(self.trainer, groups_done)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        if not self.is_stepped:
            return self.training_objective(batch)[0]
        trainer, progress = self.trainer, self._progress
        if progress.epoch != trainer.current_epoch:
            progress.epoch, progress.of_epoch = trainer.current_epoch, 0
        if self.accumulation.is_scheduled:
            trainer.accumulate_grad_batches = self.accumulation.batches_per_step(progress.epoch)
        at_start, at_end = (overriding(trainer, StepCallback, hook) for hook in ("on_step_start", "on_step_end"))
        group = single_batches(batch)
        last = len(group) if self.ends_epoch() else 0
        max_steps = trainer.max_steps
        for number, single in enumerate(group, start=1):
            progress.begin_batch()
            if group is batch:  # Lightning has prepared a batch that comes alone
                single = trainer.precision_plugin.convert_input(single)
                begin_batch(trainer, single)
            for callback in at_start:
                callback.on_step_start(trainer, self, single)
            is_step = self._train_on(single, ends_epoch=number == last)
            for callback in at_end:
                callback.on_step_end(trainer, self, single)
            self.on_step_end()
            if number == len(group):
                break
            end_batch(trainer, is_step, progress.has_logged or progress.goes_to_loggers)
            if trainer.should_stop or (max_steps > 0 and trainer.global_step == max_steps):
                loader: Any = trainer.train_dataloader
                loader.give_back(len(group) - number)
                leave_epoch(trainer)
                break
        return None

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.is_stepped:
            save_by_the_clock(self.trainer, batch_idx)
            count_steps(self.trainer)

    def on_test_start(self) -> None:
        log_evaluation_at(self.trainer, self.global_step)

    def step_epoch_schedules(self, metrics: Mapping[str, Any], awaited: Collection[str] = ()) -> None:
        """Step the schedules that watch a metric, at the end of an epoch with these metrics; see `step_schedules`."""
        step_schedules(self, "epoch", self.current_epoch + 1, metrics, awaited)

    def ends_epoch(self) -> bool:
        """Whether the current Lightning batch is the last of its epoch; `max_steps` may end the fit earlier."""
        return is_last_batch(self.trainer)

    def batch_of_last_step(self, batches: int) -> int:
        """The batch, from 1 to `batches` in its epoch, at which `trainer.max_steps` ends the fit; 0 if it does not."""
        return self._progress.batch_of_last_step(self.accumulation, self.trainer.max_steps, batches)

    def _train_on(self, batch: Batch, ends_epoch: bool) -> bool:
        """Train on a single batch, which may be its epoch's last; returns whether it completed an optimizer step."""
        trainer, epoch, batch_idx = self.trainer, self._progress.epoch, self._progress.of_epoch - 1
        wrapped: Any = self.optimizers()
        optimizer = wrapped.optimizer
        batches_per_step = self.accumulation.batches_per_step(epoch)
        accumulated = self._progress.of_epoch % batches_per_step

        def closure() -> Tensor:
            objective, outputs = self.training_objective(batch)
            if batches_per_step == 1 or accumulated == 1:
                for callback in overriding(trainer, Callback, "on_before_zero_grad"):
                    callback.on_before_zero_grad(trainer, self, optimizer)
                self.on_before_zero_grad(optimizer)
                self.optimizer_zero_grad(epoch, batch_idx, optimizer)
            self.assign_gradients(objective if batches_per_step == 1 else objective / batches_per_step, outputs, batch)
            return objective

        if accumulated and not ends_epoch:
            with without_gradient_sync(trainer) if trainer.world_size > 1 else nullcontext():
                closure()
            return False
        self.optimizer_step(epoch, batch_idx, wrapped, closure)
        lr = optimizer.param_groups[0]["lr"]
        self._progress.lr = lr.clone() if isinstance(lr, Tensor) else lr  # before the schedules set the next step's
        step_schedules(self, "step", batch_idx + 1)
        if ends_epoch:
            step_schedules(self, "epoch", epoch + 1)
        step_schedules(self, "step", batch_idx + 1, trainer.callback_metrics)
        return True
