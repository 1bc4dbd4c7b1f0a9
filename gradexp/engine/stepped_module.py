"""Training steps by manual optimization: one path, whether a batch of Lightning's holds one step or several."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from gradexp.engine.accumulation import Accumulation
from gradexp.engine.lightning_internals import (
    CURRENT_HOOK,
    is_last_batch,
    log_evaluation_at,
    set_batches_done,
    without_gradient_sync,
)
from gradexp.engine.step_callback import StepCallback
from gradexp.engine.step_groups import single_batches
from gradexp.engine.unsupported import check_supported

Batch = Any  # commonly inputs and targets, (Tensor, Tensor)


class SteppedModule(LightningModule, ABC):
    """A module whose training steps gradexp takes: forward, backward, clipping, accumulation, optimizer, schedules.

    A batch that Lightning hands over holds one step or several (see StepGroup); Lightning's own work, which costs more
    than a small model's step, is done once for all of them. Hooks are called as in Lightning's own loop, in its order.
    `trainer.gradient_clip_val` clips, `trainer.accumulate_grad_batches` is a number or numbers by epoch.

    A sub-class that overrides `training_step` itself runs under Lightning's own loop.

    Attributes:
        monitor: The metric that a plateau schedule watches.
        accumulation: How many batches make a step.
        batches_begun: Batches of the whole fit that were begun, those of earlier, resumed parts too.
    """

    monitor: str

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.accumulation = Accumulation(1)
        self.batches_begun = 0
        self._epoch = 0  # the one that is counted in:
        self._batches_of_epoch = 0

    def __setattr__(self, name: str, value: Any) -> None:
        # nn.Module would search its parameters, buffers and modules each time that Lightning notes the running hook,
        # which adds up to 4 % of a step of the MNIST network.
        if name == CURRENT_HOOK:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def is_stepped(self) -> bool:
        """Whether the steps are taken here, and not by Lightning's own loop."""
        return not self.automatic_optimization

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
        self.automatic_optimization = type(self).training_step is not SteppedModule.training_step
        if self.is_stepped:
            self.accumulation = Accumulation(self.trainer.accumulate_grad_batches)
            self.trainer.accumulate_grad_batches = self.accumulation.batches_per_step(self.trainer.current_epoch)
        if self.trainer.global_step == 0:
            self.batches_begun = self._epoch = self._batches_of_epoch = 0

    def teardown(self, stage: str) -> None:
        if stage == "fit" and self.accumulation.is_scheduled:
            self.trainer.accumulate_grad_batches = self.accumulation.schedule  # type: ignore[assignment]

    def on_fit_start(self) -> None:
        if self.is_stepped:
            check_supported(self.trainer, self, self.accumulation)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches"] = {"begun": self.batches_begun, "epoch": self._epoch, "of_epoch": self._batches_of_epoch}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        batches = checkpoint.get("batches", {})
        self.batches_begun = batches.get("begun", 0)
        self._epoch, self._batches_of_epoch = batches.get("epoch", 0), batches.get("of_epoch", 0)

    def on_train_start(self) -> None:
        # Lightning counts what it was handed, which were groups of another size if the settings have changed since.
        groups_done = getattr(self.trainer.train_dataloader, "groups_done", None)
        if groups_done is not None:
            set_batches_done(self.trainer, groups_done)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        epoch = self.trainer.current_epoch
        if epoch != self._epoch:
            self._epoch, self._batches_of_epoch = epoch, 0
        together = self.accumulation.batches_per_step(epoch)
        if self.accumulation.is_scheduled:
            self.trainer.accumulate_grad_batches = together
        callbacks: list[Any] = self.trainer.callbacks  # type: ignore[attr-defined]  # set from outside its class
        callbacks = [callback for callback in callbacks if isinstance(callback, StepCallback)]
        convert = self.trainer.precision_plugin.convert_input
        group = single_batches(batch)
        last = len(group) if self._ends_epoch() else 0
        for number, single in enumerate(group, start=1):
            self.batches_begun += 1
            self._batches_of_epoch += 1
            ready = single if single is batch else convert(single)
            for callback in callbacks:
                callback.on_step_start(self.trainer, self, ready)
            self._train_on(ready, batch_idx, together, ends_epoch=number == last)
            for callback in callbacks:
                callback.on_step_end(self.trainer, self, ready)
            self.on_step_end()

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clips the gradients, which are there and unscaled by now; a sub-class that overrides this calls it."""
        trainer = self.trainer
        if self.is_stepped:  # else Lightning clips
            self.configure_gradient_clipping(optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)

    def on_test_start(self) -> None:
        log_evaluation_at(self.trainer, self.global_step)

    def _train_on(self, batch: Batch, batch_idx: int, together: int, ends_epoch: bool) -> None:
        """One batch: a step of the optimizer, or a part of one.

        Args:
            batch: What to train on.
            batch_idx: Number within the epoch of what Lightning handed over.
            together: Batches that make a step.
            ends_epoch: Whether it is its epoch's last.
        """
        wrapped: Any = self.optimizers()
        optimizer = wrapped.optimizer
        done = self._batches_of_epoch % together
        completes_step = done == 0 or ends_epoch

        def closure() -> Tensor:
            objective, outputs = self.training_objective(batch)
            if together == 1 or done == 1:
                for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
                    callback.on_before_zero_grad(self.trainer, self, optimizer)
                self.on_before_zero_grad(optimizer)
                self.optimizer_zero_grad(self._epoch, batch_idx, optimizer)
            self.assign_gradients(objective if together == 1 else objective / together, outputs, batch)
            return objective

        if not completes_step:
            with without_gradient_sync(self.trainer) if self.trainer.world_size > 1 else nullcontext():
                closure()
            return
        self.optimizer_step(self._epoch, batch_idx, wrapped, closure)
        self._step_schedules("step")
        if ends_epoch:
            self._step_schedules("epoch")

    def _step_schedules(self, interval: str, metrics: Mapping[str, Any] | None = None) -> None:
        """Step the schedules that Lightning's own loop would step now.

        Args:
            interval: "step" or "epoch": what has ended.
            metrics: By name, where schedules that watch one are meant, which come last; None for the others.
        """
        for config in self.trainer.lr_scheduler_configs:
            is_plateau = isinstance(config.scheduler, ReduceLROnPlateau)
            count = self._batches_of_epoch if interval == "step" else self._epoch + 1
            if config.interval != interval or is_plateau != (metrics is not None) or count % config.frequency:
                continue
            if metrics is not None and self.monitor not in metrics:
                raise ValueError(f"monitor must be one of {', '.join(metrics)}; got {self.monitor!r}.")
            self.lr_scheduler_step(config.scheduler, None if metrics is None else metrics[self.monitor])

    def _ends_epoch(self) -> bool:
        """Whether the batch at hand is an epoch's last; `max_steps` may end a fit before."""
        return is_last_batch(self.trainer)
