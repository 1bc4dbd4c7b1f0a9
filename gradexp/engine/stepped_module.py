"""Training steps by manual optimization: one path, whether a batch of Lightning's holds one step or several."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from gradexp.engine.accumulation import Accumulation
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
from gradexp.engine.schedules import step_schedules, step_watching_schedules
from gradexp.engine.step_callback import StepCallback, overriding
from gradexp.engine.step_groups import single_batches
from gradexp.engine.unsupported import check_supported

Batch = Any  # commonly inputs and targets, (Tensor, Tensor)


@dataclass
class _Progress:
    """Batches that were begun: of the whole fit, and of its latest epoch.

    Not attributes of the module, to which nn.Module assigns twenty times slower.

    Attributes:
        steps: Steps of the optimizer in earlier, resumed parts.
        has_logged: Whether `self.log` was called in the batch at hand.
        goes_to_loggers: Whether any call was meant for loggers, which are given its value again and again.
    """

    batches: int = 0
    epoch: int = 0
    of_epoch: int = 0
    steps: int = 0
    has_logged: bool = False
    goes_to_loggers: bool = False

    def begin_batch(self) -> None:
        self.batches += 1
        self.of_epoch += 1
        self.has_logged = False


class SteppedModule(LightningModule, ABC):
    """A module whose training steps gradexp takes: forward, backward, clipping, accumulation, optimizer, schedules.

    A batch that Lightning hands over holds one step or several (see StepGroup); Lightning's own work, which costs more
    than a small model's step, is done once for all of them. The hooks of a step are called as in Lightning's own loop,
    in its order; on_train_batch_start and on_train_batch_end are called for what Lightning hands over.
    `trainer.gradient_clip_val` clips, `trainer.accumulate_grad_batches` is a number or numbers by epoch.

    A sub-class that overrides `training_step` runs under Lightning's own loop, and so does its data, one batch a step;
    there, and in a loop written by hand, `training_step` gives what a step minimises.

    Attributes:
        accumulation: How many batches make a step.
    """

    takes_groups = (
        True  # in the hooks below; a sub-class that overrides on_train_batch_start or _end takes single steps
    )

    def __init__(self) -> None:
        super().__init__()
        self.accumulation = Accumulation(1)
        self._progress = _Progress()

    def __setattr__(self, name: str, value: Any) -> None:
        # nn.Module would search its parameters, buffers and modules each time that Lightning notes the running hook,
        # which adds up to 4 % of a step of the MNIST network.
        if name == CURRENT_HOOK:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def takes_steps(self) -> bool:
        """Whether the steps of its fits are taken here: unless it has a `training_step` of its own."""
        return type(self).training_step is SteppedModule.training_step

    @property
    def is_stepped(self) -> bool:
        """Whether a fit is under way whose steps are taken here."""
        return not self.automatic_optimization and is_fitting(self)

    @property
    def has_own_gradients(self) -> bool:
        """Whether the gradients are a rule of its own, and not back-propagation's."""
        return type(self).assign_gradients is not SteppedModule.assign_gradients

    @property
    def batches_begun(self) -> int:
        """Batches of the whole fit that were begun, those of earlier, resumed parts too."""
        return self._progress.batches

    @property
    def precision(self) -> str | None:
        """The trainer's, such as "16-mixed"; None without a trainer."""
        try:
            return self.trainer.precision
        except RuntimeError:  # Lightning's, of a module that is not attached
            return None

    def log(self, *arguments: Any, **keywords: Any) -> None:
        """Lightning's own."""
        self._progress.has_logged = True
        self._progress.goes_to_loggers |= keywords.get("logger") is not False
        super().log(*arguments, **keywords)

    # What a sub-class gives

    @abstractmethod
    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What a step minimises on a batch, and the network's outputs [batch, ...]."""

    def assign_gradients(self, objective: Tensor, outputs: Tensor, batch: Batch) -> None:
        """Add to `.grad` of every parameter, by back-propagation or by a rule of the model's own.

        Args:
            objective: Loss and penalty of the batch, divided by the number of batches that make a step.
            outputs: The network's [batch, ...].
            batch: What they were computed from.
        """
        self.manual_backward(objective)

    def on_step_end(self) -> None:
        """Called after each batch, when callbacks have seen it."""

    # Lightning's hooks, in its order

    def configure_callbacks(self) -> list[Callback]:
        # As a fit begins. Until on_fit_start its optimization is automatic to Lightning, which else refuses clipping
        # and accumulation, does not read all of a schedule's settings, and finds no batch size or learning rate.
        if self.trainer.state.fn == TrainerFn.FITTING:
            if self.trainer.global_step == 0:
                self._progress = _Progress()
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
        if self.trainer.gradient_clip_val or _clips_itself(type(self)):
            clip_under_manual_optimization(self.trainer)
        # Saved is the state after a step, as under Lightning's own loop.
        warnings.filterwarnings("ignore", "Using ModelCheckpoint with manual optimization")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        progress = self._progress
        checkpoint["batches_begun"] = {key: getattr(progress, key) for key in ("batches", "epoch", "of_epoch")}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        begun = checkpoint.get("batches_begun", {})
        self._progress = _Progress(**begun | {"steps": checkpoint.get("global_step", 0)})

    def on_train_start(self) -> None:
        # Lightning counts what it was handed, which were groups of another size if the settings have changed since.
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
            if group is batch:  # what came alone, Lightning has prepared
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

    def step_epoch_schedules(self, metrics: Mapping[str, Any]) -> None:
        """Step the schedules that watch a metric; to be called as an epoch ends, with its metrics."""
        step_watching_schedules(self, "epoch", self.current_epoch + 1, metrics)

    def ends_epoch(self) -> bool:
        """Whether the batch at hand is an epoch's last; a fit may end before."""
        return is_last_batch(self.trainer)

    def batch_of_last_step(self, batches: int) -> int:
        """The batch within its epoch, of so many, at which `trainer.max_steps` ends the fit; 0 for no such end."""
        progress, left = self._progress, self.trainer.max_steps - self._progress.steps
        if self.trainer.max_steps < 0 or left < 1:
            return 0
        if progress.of_epoch >= batches:  # between two epochs
            return self.accumulation.batch_of_step(left, batches, progress.epoch + 1)
        return self.accumulation.batch_of_step(left, batches, progress.epoch, progress.of_epoch)

    def _train_on(self, batch: Batch, ends_epoch: bool) -> bool:
        """One batch, which may be its epoch's last; gives whether it completed a step of the optimizer."""
        trainer, epoch, batch_idx = self.trainer, self._progress.epoch, self._progress.of_epoch - 1
        wrapped: Any = self.optimizers()
        optimizer = wrapped.optimizer
        together = self.accumulation.batches_per_step(epoch)
        done = self._progress.of_epoch % together

        def closure() -> Tensor:
            objective, outputs = self.training_objective(batch)
            if together == 1 or done == 1:
                for callback in overriding(trainer, Callback, "on_before_zero_grad"):
                    callback.on_before_zero_grad(trainer, self, optimizer)
                self.on_before_zero_grad(optimizer)
                self.optimizer_zero_grad(epoch, batch_idx, optimizer)
            self.assign_gradients(objective if together == 1 else objective / together, outputs, batch)
            return objective

        if done and not ends_epoch:
            with without_gradient_sync(trainer) if trainer.world_size > 1 else nullcontext():
                closure()
            return False
        self.optimizer_step(epoch, batch_idx, wrapped, closure)
        step_schedules(self, "step", batch_idx + 1)
        if ends_epoch:
            step_schedules(self, "epoch", epoch + 1)
        step_watching_schedules(self, "step", batch_idx + 1, trainer.callback_metrics)
        return True


def _clips_itself(module_class: type[LightningModule]) -> bool:
    return module_class.configure_gradient_clipping is not LightningModule.configure_gradient_clipping
