"""What every model shares: objective = loss + penalty, metrics by stage, the optimizer and its schedule."""

import logging
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric

from gradexp import penalties
from gradexp.checks import check, check_proximal
from gradexp.engine.accumulation import total_steps
from gradexp.engine.interval import Interval
from gradexp.engine.stepped_module import SteppedModule
from gradexp.models.stage_metrics import StageMetrics
from gradexp.monitor import better
from gradexp.optimizers import build_optimizer, build_scheduler
from gradexp.proximal import shrink_after_steps

Batch = tuple[Tensor, Tensor]
log = logging.getLogger(__name__)

# Default optimizers of the models, for use without a configuration.
SGD: Mapping[str, Any] = {"name": "SGD", "lr": 0.1}
ADAM: Mapping[str, Any] = {"name": "Adam", "lr": 1e-3}


class AbstractModule(SteppedModule):
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
        proximal: Take l1 by a soft threshold after each step, which gives exact zeros, in place of its subgradient;
            optimizer SGD only (see gradexp.proximal).

    Attributes:
        latest: What was last logged of training, by name.
        latest_step: At which step.
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
        proximal: bool = False,
    ) -> None:
        super().__init__()
        check(monitor=monitor)
        check("regularizer.", l1=l1, l2=l2, proximal=proximal)
        check_proximal(proximal, optimizer["name"])
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
        self.proximal = proximal
        self.monitor = monitor
        self.latest: dict[str, Any] = {}
        self.latest_step = 0
        self._log_interval = Interval(1)
        # What was measured of an epoch that `max_steps` cut, for the run that ends it.
        self._cut_epoch: list[Any] | None = None

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The data term, a mean over the batch: outputs [batch, ...] against targets [batch, ...]."""

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """Outputs [batch, ...] as people read them, such as probabilities."""

    def penalty(self) -> Tensor:
        """l1 * sum |w| + l2 * sum w^2 over the network's weights; of l1 without a gradient where it is proximal."""
        total = torch.zeros((), device=self.device)
        if self.l1:
            size = penalties.l1(self.network.named_parameters())
            total = total + self.l1 * (size.detach() if self.proximal else size)
        if self.l2:
            total = total + self.l2 * penalties.l2(self.network.named_parameters())
        return total

    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        penalty = self.penalty() if self.l1 or self.l2 else None
        loss, outputs = self._common_step(batch, self.recent_metrics, penalty)
        return (loss if penalty is None else loss + penalty), outputs

    # Lightning's hooks, in its order

    def forward(self, inputs: Tensor) -> Tensor:
        """The network's outputs [batch, ...] for inputs [batch, ...]."""
        return cast(Tensor, self.network(inputs))

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self._cut_epoch = None

    def on_train_start(self) -> None:
        super().on_train_start()
        self._log_interval = Interval.between_logs(self.trainer)
        if self._cut_epoch is not None:
            for stage, state in zip((self.recent_metrics, self.epoch_metrics), self._cut_epoch, strict=True):
                stage.load_state(state)
            self._cut_epoch = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self._cut_epoch is not None:
            checkpoint["cut_epoch"] = self._cut_epoch

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self._cut_epoch = checkpoint.get("cut_epoch")

    def on_step_end(self) -> None:
        if self._log_interval.is_over(self.global_step) and self.recent_metrics.has_samples:
            values = self.recent_metrics.compute() | {"lr": self._lr()}
            self.latest, self.latest_step = values, self.global_step
            # For progress bars of any kind; Lightning takes a millisecond a value, so this one only.
            self.log("train/loss", values["train/loss"], on_step=True, on_epoch=False, prog_bar=True, logger=False)
            self._to_loggers(values)
            self._close_recent()

    def on_train_epoch_end(self) -> None:
        if not self.ends_epoch() and self.trainer.world_size == 1:  # else a checkpoint has the first process's only
            self._cut_epoch = [self.recent_metrics.state(), self.epoch_metrics.state()]
        if self.recent_metrics.has_samples:
            self._close_recent()
        # Not to the logger, whose curve under the same tag has the means of the shorter spans.
        values = self.epoch_metrics.compute() | {"lr": self._lr()}
        self.log_dict(values, logger=False, sync_dist=True)
        self.epoch_metrics.reset()
        if self.is_stepped and self.ends_epoch():
            self.step_epoch_schedules(self.trainer.callback_metrics | values)

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
        optimizer = build_optimizer(self.parameters(), self._usable_optimizer_settings())
        if self.proximal and self.l1:
            shrink_after_steps(optimizer, penalties.weights(self.network.named_parameters()), self.l1)
        if self.scheduler_settings.get("name") is None:
            return optimizer
        steps = total_steps(self.trainer)
        settings = build_scheduler(optimizer, self.scheduler_settings, steps, self.monitor, better(self.monitor))
        assert settings is not None
        return {"optimizer": optimizer, "lr_scheduler": settings}  # type: ignore[return-value]  # Lightning's own form

    def _usable_optimizer_settings(self) -> dict[str, Any]:
        """The settings, without `fused` under 16-mixed: a fused optimizer unscales gradients itself, after clipping."""
        settings = dict(self.optimizer_settings)
        if settings.get("fused") and self.precision == "16-mixed":
            log.warning("optimizer.fused is false under trainer.precision=16-mixed, where gradients must be unscaled")
            settings["fused"] = False
        return settings

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
