"""What every model shares: the objective, metrics by stage, the optimizer and its schedule."""

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from types import FrameType
from typing import Any, ClassVar, Literal, Unpack, cast

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric

from gradexp.arguments import Checked
from gradexp.engine.accumulation import total_steps
from gradexp.engine.interval import Interval
from gradexp.engine.stepped_module import SteppedModule
from gradexp.models.further_metrics import OWN_NAMES, build_metrics, can_be_merged, metric_mode
from gradexp.models.stage_metrics import StageMetrics
from gradexp.objective.fit import Outputs, encoded, measured
from gradexp.objective.losses import ClassWeightedLoss
from gradexp.objective.objective import Objective, ObjectiveOptions, Section

Batch = tuple[Tensor, Tensor]

LOSS_STATE = "objective.loss."  # how names of the loss's tensors begin

# Default optimizers of the models, for use without a configuration.
SGD: Mapping[str, Any] = {"_target_": "torch.optim.SGD", "lr": 0.1}
ADAM: Mapping[str, Any] = {"_target_": "torch.optim.Adam", "lr": 1e-3}


class AbstractModule(SteppedModule, Checked):
    """A network, what its outputs are, and metrics; final sub-classes give these and nothing else.

    A training step minimises ``loss + l1 * sum |w| + l2 * sum w^2`` over the weights w, and any further penalties (see
    gradexp.objective).

    Logged are, every `log_every_n_steps` steps, ``train/loss``, ``train/penalty``, ``train/objective``, the training
    metrics and ``lr``, as means over the steps since the last time; and at an epoch's end the same as means over its
    samples, beside ``val/loss`` and the validation metrics.

    Args:
        network: From inputs [batch, ...] to outputs [batch, ...].
        own_metrics: What is measured of the outputs beside the loss, by name.
        outputs: What the outputs are, by which losses fit; None in a class that overrides `loss`.
        num_classes: Of the targets; 0 where they are real numbers.
        num_targets: Real numbers in a target.
        options: Loss, optimizer, schedule, penalties and further metrics; see ObjectiveOptions.

    Attributes:
        defaults: Of the options, where a class has others than ObjectiveOptions; each has a `loss` and an `optimizer`.
        latest: What was last logged of training, by name.
        latest_step: At which step.
    """

    defaults: ClassVar[ObjectiveOptions] = {"optimizer": SGD, "monitor": "val/loss"}

    def __init__(
        self,
        network: nn.Module,
        own_metrics: Mapping[str, Metric],
        outputs: Outputs | None = None,
        num_classes: int = 0,
        num_targets: int = 1,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        super().__init__()
        self.network = network
        self.outputs = outputs
        given = {**self.defaults, **options, "loss": _completed(options.get("loss"), self.defaults.get("loss"))}
        sections: Any = given.pop("metrics", {}) or {}
        packages: Any = given.get("trusted_packages", ())
        further = build_metrics(sections, packages, num_classes, num_targets, taken=own_metrics)
        kept = [name for name, metric in further.items() if not can_be_merged(metric, num_classes, num_targets)]
        # Training is measured twice: over the steps since the last log, and over the epoch.
        self.recent_metrics, self.epoch_metrics = (
            StageMetrics("train", own_metrics, further, self.predictions, with_penalty=True, kept=kept)
            for _ in range(2)
        )
        self.val_metrics = StageMetrics("val", own_metrics, further, self.predictions)
        self.test_metrics = StageMetrics("test", own_metrics, further, self.predictions)
        self.objective = Objective(outputs, num_classes, type(self).__name__, **cast(Any, given))
        self.latest: dict[str, Any] = {}
        self.latest_step = 0
        self._log_interval = Interval(1)
        # What was measured of an epoch that `max_steps` cut, for the run that ends it.
        self._cut_epoch: list[Any] | None = None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The data term, a mean over the batch: outputs [batch, ...] against targets [batch, ...]."""
        assert self.outputs is not None
        assert self.objective.loss is not None
        return measured(self.objective.loss, outputs, encoded(targets, outputs, self.outputs))

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """Outputs [batch, ...] as people read them, such as probabilities."""

    def penalty(self) -> Tensor:
        """The sum of the penalties over the network's weights."""
        total = self.objective.penalty(self.network.named_parameters())
        return torch.zeros((), device=self.device) if total is None else total

    def balance_loss(self, targets: Tensor) -> None:
        """Set the class weights of a loss that are "balanced", from all training classes [samples]."""
        if self.has_balanced_loss:
            cast(ClassWeightedLoss, self.objective.loss).balance(targets)

    @property
    def has_balanced_loss(self) -> bool:
        """Whether the loss needs `balance_loss`; a fit calls it by itself."""
        return isinstance(self.objective.loss, ClassWeightedLoss) and self.objective.loss.is_balanced

    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        penalty = self.objective.penalty(self.network.named_parameters())
        loss, outputs = self._common_step(batch, self.recent_metrics, penalty)
        return (loss if penalty is None else loss + penalty), outputs

    def mode_of(self, monitor: str) -> Literal["max", "min"] | None:
        """Which way a monitored metric is better, by its own word; None where it says nothing."""
        name = monitor.partition("/")[2]
        return "min" if name in OWN_NAMES else metric_mode(self.val_metrics.metric(name))

    def names_in(self, stage: str) -> list[str]:
        """What is logged of a stage, "train" or "val", such as "val/loss"."""
        metrics = self.epoch_metrics if stage == "train" else self.val_metrics
        return metrics.names

    def save_hyperparameters(
        self, *args: Any, ignore: Any = None, frame: FrameType | None = None, logger: bool = True
    ) -> None:
        """Lightning's own, but for trusted_packages: a checkpoint must not say whom its reader trusts."""
        caller = frame or cast(FrameType, cast(FrameType, inspect.currentframe()).f_back)
        super().save_hyperparameters(*args, ignore=[*(ignore or ()), "trusted_packages"], frame=caller, logger=logger)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Torch's own, but what another loss than the model's has kept is left out."""
        own = self.state_dict().keys()
        kept = {name: value for name, value in state_dict.items() if name in own or not name.startswith(LOSS_STATE)}
        return super().load_state_dict(kept, strict, assign)

    # Lightning's hooks, in its order

    def forward(self, inputs: Tensor) -> Tensor:
        """The network's outputs [batch, ...] for inputs [batch, ...]."""
        return cast(Tensor, self.network(inputs))

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self._cut_epoch = None

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.has_balanced_loss:
            self.balance_loss(_train_targets(self.trainer))
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
        mode = self.mode_of(self.objective.monitor)
        return self.objective.configure(self, lambda: total_steps(self.trainer), mode, self._goes_not_with_fused())

    def _goes_not_with_fused(self) -> str:
        """A fused optimizer unscales gradients itself, after clipping, so Lightning refuses it in mixed precision."""
        if self.precision == "16-mixed":
            return "trainer.precision=16-mixed, where gradients must be unscaled"
        if self.precision == "bf16-mixed" and self.trainer.gradient_clip_val:
            return "trainer.precision=bf16-mixed with trainer.gradient_clip_val"
        return ""

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


def _completed(loss: Section | None, default: Section | None) -> Section | None:
    """The section of the loss; one without a class changes arguments of the model's own."""
    if loss and loss.get("_target_") is not None:
        return loss
    arguments = {name: value for name, value in (loss or {}).items() if name != "_target_"}
    return {**(default or {}), **arguments} if arguments else default


def _train_targets(trainer: Trainer) -> Tensor:
    """All training targets, by the data module's own word or by a pass over the loader."""
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]  # set from outside its class
    if hasattr(datamodule, "train_targets"):
        targets: Tensor = datamodule.train_targets()
        return targets
    if trainer.world_size > 1:
        raise ValueError(
            "loss.class_weight must be a list of numbers where several processes each see a part of the training data "
            "and the data module has no train_targets(); got 'balanced'."
        )
    return torch.cat([targets.cpu() for _, targets in trainer.train_dataloader])  # type: ignore[union-attr]
