"""Training steps by manual optimization: one path, whether a batch of Lightning's holds one step or several."""

import warnings
from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim import Optimizer

from gradexp.engine.accumulation import Accumulation
from gradexp.engine.lightning_internals import (
    CURRENT_HOOK,
    is_last_batch,
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


@dataclass
class _Progress:
    """Batches that were begun: of the whole fit, and of its latest epoch.

    Not attributes of the module, to which nn.Module assigns twenty times slower.
    """

    batches: int = 0
    epoch: int = 0
    of_epoch: int = 0

    def begin_batch(self) -> None:
        self.batches += 1
        self.of_epoch += 1


class SteppedModule(LightningModule, ABC):
    """A module whose training steps gradexp takes: forward, backward, clipping, accumulation, optimizer, schedules.

    A batch that Lightning hands over holds one step or several (see StepGroup); Lightning's own work, which costs more
    than a small model's step, is done once for all of them. Hooks are called as in Lightning's own loop, in its order.
    `trainer.gradient_clip_val` clips, `trainer.accumulate_grad_batches` is a number or numbers by epoch.

    A sub-class that overrides `training_step` runs under Lightning's own loop, and so does its data, one batch a step;
    there, and in a loop written by hand, `training_step` gives what a step minimises.

    Attributes:
        monitor: The metric that a plateau schedule watches.
        accumulation: How many batches make a step.
    """

    monitor: str
    takes_groups = True

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
    def is_stepped(self) -> bool:
        """Whether the steps of the fit are taken here, and not by Lightning's own loop."""
        return not self.automatic_optimization

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
        # Next, Lightning verifies the settings of a fit, and refuses clipping and accumulation under manual
        # optimization, where it does neither. Here they are done, so for that moment the module looks automatic.
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.automatic_optimization = True
        return []

    def setup(self, stage: str) -> None:
        if stage != "fit":
            return
        self.automatic_optimization = not takes_steps(type(self))
        if self.is_stepped:
            self.accumulation = Accumulation(self.trainer.accumulate_grad_batches)
            self.trainer.accumulate_grad_batches = self.accumulation.batches_per_step(self.trainer.current_epoch)
        if self.trainer.global_step == 0:
            self._progress = _Progress()

    def teardown(self, stage: str) -> None:
        if stage == "fit" and self.accumulation.is_scheduled:
            self.trainer.accumulate_grad_batches = self.accumulation.schedule  # type: ignore[assignment]

    def on_fit_start(self) -> None:
        if self.is_stepped:
            # Saved is the state after a step, as under Lightning's own loop.
            warnings.filterwarnings("ignore", "Using ModelCheckpoint with manual optimization")
            check_supported(self.trainer, self, self.accumulation)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches_begun"] = asdict(self._progress)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._progress = _Progress(**checkpoint.get("batches_begun", {}))

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
        last = len(group) if self._ends_epoch() else 0
        for number, single in enumerate(group, start=1):
            progress.begin_batch()
            # What came alone, Lightning has converted.
            ready = single if single is batch else trainer.precision_plugin.convert_input(single)
            for callback in at_start:
                callback.on_step_start(trainer, self, ready)
            self._train_on(ready, batch_idx, ends_epoch=number == last)
            for callback in at_end:
                callback.on_step_end(trainer, self, ready)
            self.on_step_end()
        return None

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.is_stepped:
            save_by_the_clock(self.trainer, batch_idx)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clips the gradients, which are there and unscaled by now; a sub-class that overrides this calls it."""
        trainer = self.trainer
        clips = trainer.gradient_clip_val or _clips_itself(type(self))
        if self.is_stepped and clips:  # under its own loop Lightning clips
            self.configure_gradient_clipping(optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)

    def on_test_start(self) -> None:
        log_evaluation_at(self.trainer, self.global_step)

    def _train_on(self, batch: Batch, batch_idx: int, ends_epoch: bool) -> None:
        """One batch: a step of the optimizer, or a part of one.

        Args:
            batch: What to train on.
            batch_idx: Number within the epoch of what Lightning handed over.
            ends_epoch: Whether it is its epoch's last.
        """
        trainer, epoch = self.trainer, self._progress.epoch
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
            return
        self.optimizer_step(epoch, batch_idx, wrapped, closure)
        step_schedules(self, "step", self._progress.of_epoch)
        if ends_epoch:
            step_schedules(self, "epoch", epoch + 1)

    def _ends_epoch(self) -> bool:
        """Whether the batch at hand is an epoch's last; `max_steps` may end a fit before."""
        return is_last_batch(self.trainer)


def takes_steps(module_class: type[LightningModule]) -> bool:
    """Whether the engine takes the steps of such a module: one that is a SteppedModule, and has no step of its own."""
    return module_class.training_step is SteppedModule.training_step


def _clips_itself(module_class: type[LightningModule]) -> bool:
    return module_class.configure_gradient_clipping is not LightningModule.configure_gradient_clipping
