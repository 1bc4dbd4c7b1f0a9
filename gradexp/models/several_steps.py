"""Training steps, one at a time by Lightning or several at once by ourselves."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from gradexp.step_count import single_batches

Batch = tuple[Tensor, Tensor]


class SeveralSteps(LightningModule, ABC):
    """A module whose data module may hand over several batches at once (`steps_at_once`).

    Then as many steps are taken by manual optimization, and Lightning's own work, which costs more than a small model's
    step, is done once for all of them. Weights, optimizer, schedule and metrics end as they do in single steps.

    Attributes:
        has_gradient: False in a model with a learning rule of its own, which gives assign_gradients.
        scheduler_settings: `name` of the schedule or None, and `interval`, "step" or "epoch".
        monitor: The metric that a plateau schedule watches.
    """

    has_gradient: ClassVar[bool] = True
    scheduler_settings: dict[str, Any]
    monitor: str
    _was_automatic = True

    @abstractmethod
    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What a step minimises on inputs and targets [batch, ...], and the outputs [batch, ...]."""

    def assign_gradients(self, objective: Tensor, outputs: Tensor, batch: Batch) -> None:
        """Fill `.grad` of every parameter in a step of manual optimization: by back-propagation of the objective.

        Args:
            objective: Loss and penalty of the batch.
            outputs: The network's [batch, ...].
            batch: Inputs [batch, ...] and targets [batch, ...].
        """
        self.manual_backward(objective)

    def setup(self, stage: str) -> None:
        steps_at_once = getattr(getattr(self.trainer, "datamodule", None), "steps_at_once", None)
        self._was_automatic = self.automatic_optimization
        if stage == "fit" and self.has_gradient and steps_at_once is not None:
            self.automatic_optimization = steps_at_once == 1

    def teardown(self, stage: str) -> None:
        if stage == "fit" and self._was_automatic and not self.automatic_optimization:
            # As it was, for the next fit; and the count of steps where Lightning will look for it.
            steps = self.trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total
            steps.ready = steps.completed = self.global_step
            self.automatic_optimization = True

    def training_step(self, batch: Batch | list[Batch], batch_idx: int) -> Any:
        if self.automatic_optimization:
            if not isinstance(batch[0], Tensor):
                raise ValueError(
                    f"{len(batch)} batches at once need a data module that has them (steps_per_execution), or "
                    "automatic_optimization = False of the model."
                )
            return self.training_objective(batch)[0]
        for each in single_batches(batch):
            self._step(each)
        if self._ends_epoch():
            self._step_schedule("epoch", plateau=False)
        return None

    def _step(self, batch: Batch) -> None:
        """One step by manual optimization."""
        optimizer = cast(LightningOptimizer, self.optimizers())

        def closure() -> Tensor:
            optimizer.zero_grad()
            objective, outputs = self.training_objective(batch)
            self.assign_gradients(objective, outputs, batch)
            return objective

        optimizer.step(closure=closure)
        self._step_schedule("step", plateau=False)

    def _step_schedule(self, interval: str, plateau: bool, metrics: Mapping[str, Any] | None = None) -> None:
        """Step the schedule, when Lightning would where it optimizes by itself.

        Args:
            interval: "step" or "epoch": what has ended.
            plateau: Whether schedules that watch a metric are meant, which Lightning steps last, or the others.
            metrics: By name, for those.
        """
        schedule: Any = self.lr_schedulers() if self.scheduler_settings.get("name") else None
        if schedule is None or self.scheduler_settings.get("interval", "epoch") != interval:
            return
        if not isinstance(schedule, ReduceLROnPlateau):
            if not plateau:
                schedule.step()
        elif plateau and metrics is not None:
            if self.monitor not in metrics:
                raise ValueError(f"monitor must be one of {', '.join(metrics)}; got {self.monitor!r}.")
            schedule.step(metrics[self.monitor])

    def _ends_epoch(self) -> bool:
        """Whether the current batch is an epoch's last; `max_steps` may end a fit before."""
        return self.trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
