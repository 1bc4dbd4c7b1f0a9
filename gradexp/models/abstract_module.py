"""What every model shares: objective = loss + penalty, metrics by stage, the optimizer and its schedule."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric

from gradexp import penalties
from gradexp.checks import check
from gradexp.models.stage_metrics import StageMetrics
from gradexp.monitor import better
from gradexp.optimizers import build_optimizer, build_scheduler

Batch = tuple[Tensor, Tensor]


class AbstractModule(LightningModule, ABC):
    """A network, a pure loss, and metrics; final sub-classes give these three and nothing else.

    A training step minimises ``loss + l1 * sum |w| + l2 * sum w^2`` over the weights w (see gradexp.penalties).

    Logged are, every `log_every_n_steps` steps, ``train/loss``, ``train/penalty``, ``train/objective``, the training
    metrics and ``lr``, as means over the steps since the last time; and at an epoch's end the same as means over its
    samples, beside ``val/loss`` and the validation metrics.

    Args:
        network: From inputs [batch, ...] to outputs [batch, ...].
        metrics: What is measured beside the loss, by name.
        optimizer: `name` of a class in torch.optim, and its arguments.
        scheduler: `name` of a class in torch.optim.lr_scheduler, `interval`, and its arguments; None for none.
        l1, l2: Factors of the penalties.
        monitor: The metric a plateau schedule watches.
    """

    def __init__(
        self,
        network: nn.Module,
        metrics: Mapping[str, Metric],
        optimizer: Mapping[str, Any],
        scheduler: Mapping[str, Any] | None,
        l1: float,
        l2: float,
        monitor: str,
    ) -> None:
        super().__init__()
        check("regularizer.", l1=l1, l2=l2)
        self.network = network
        # Training is measured twice: over the steps since the last log, and over the epoch.
        self.recent_metrics = StageMetrics("train", metrics, with_penalty=True)
        self.epoch_metrics = StageMetrics("train", metrics, with_penalty=True)
        self.val_metrics = StageMetrics("val", metrics)
        self.test_metrics = StageMetrics("test", metrics)
        self.optimizer_settings = dict(optimizer)
        self.scheduler_settings = dict(scheduler or {})
        self.l1 = l1
        self.l2 = l2
        self.monitor = monitor

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the name of the running hook here some forty times a step; nn.Module would search its
        # parameters, buffers and modules each time, which adds up to 4 % of a step of the MNIST network.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The data term, a mean over the batch: outputs [batch, ...] against targets [batch, ...]."""

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """Outputs [batch, ...] as people read them, such as probabilities."""

    def penalty(self) -> Tensor:
        """l1 * sum |w| + l2 * sum w^2 over the network's weights."""
        total = torch.zeros((), device=self.device)
        if self.l1:
            total = total + self.l1 * penalties.l1(self.network.named_parameters())
        if self.l2:
            total = total + self.l2 * penalties.l2(self.network.named_parameters())
        return total

    # Lightning's hooks, in its order

    def forward(self, inputs: Tensor) -> Tensor:
        """The network's outputs [batch, ...] for inputs [batch, ...]."""
        return cast(Tensor, self.network(inputs))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        penalty = self.penalty() if self.l1 or self.l2 else None
        loss, _ = self._common_step(batch, self.recent_metrics, penalty)
        return loss if penalty is None else loss + penalty

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set from outside its class
        if self.global_step % interval == 0 and self.recent_metrics.has_samples:
            values = self.recent_metrics.compute() | {"lr": self._lr()}
            self.log_dict(values, on_step=True, on_epoch=False, prog_bar=True, logger=False)
            self._to_loggers(values)
            self._close_recent()

    def on_train_epoch_end(self) -> None:
        if self.recent_metrics.has_samples:
            self._close_recent()
        # Not to the logger, whose curve under the same tag has the means of the shorter spans.
        self.log_dict(self.epoch_metrics.compute() | {"lr": self._lr()}, logger=False, sync_dist=True)
        self.epoch_metrics.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._common_step(batch, self.val_metrics)

    def on_validation_epoch_end(self) -> None:
        values = self.val_metrics.compute()
        in_fit = self.trainer.state.fn == TrainerFn.FITTING
        self.log_dict(values, prog_bar=True, logger=not in_fit, sync_dist=True)
        if in_fit and not self.trainer.sanity_checking:
            self._to_loggers(values)
        self.val_metrics.reset()

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        _, outputs = self._common_step(batch, self.test_metrics)
        return self.predictions(outputs)

    def on_test_epoch_end(self) -> None:
        self.log_dict(self.test_metrics.compute(), sync_dist=True)
        self.test_metrics.reset()

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.predictions(self(batch[0]))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = build_optimizer(self.parameters(), self.optimizer_settings)
        if self.scheduler_settings.get("name") is None:
            return optimizer
        total_steps = self.trainer.estimated_stepping_batches
        scheduler = build_scheduler(optimizer, self.scheduler_settings, total_steps, self.monitor, better(self.monitor))
        return {"optimizer": optimizer, "lr_scheduler": scheduler}  # type: ignore[return-value]  # Lightning's own form

    def _common_step(self, batch: Batch, metrics: StageMetrics, penalty: Tensor | None = None) -> tuple[Tensor, Tensor]:
        inputs, targets = batch
        outputs = self(inputs)
        loss = self.loss(outputs, targets)
        metrics.update(outputs.detach(), targets, loss.detach(), None if penalty is None else penalty.detach())
        return loss, outputs

    def _close_recent(self) -> None:
        """Count the recent steps to the epoch, and begin anew."""
        self.recent_metrics.add(self.epoch_metrics)
        self.epoch_metrics, self.recent_metrics = self.recent_metrics, self.epoch_metrics
        self.recent_metrics.reset()

    def _to_loggers(self, values: Mapping[str, Any]) -> None:
        """Log at the number of steps done. Lightning's own count is off by one after every resume."""
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.global_step)

    def _lr(self) -> float:
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])
