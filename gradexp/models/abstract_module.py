"""The base class of all models: the objective, metrics by stage, the optimizer and its schedule."""

import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, ClassVar, Literal, Unpack, cast

import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric

from gradexp.arguments import Checked
from gradexp.engine.accumulation import total_steps
from gradexp.engine.batches import pair_of
from gradexp.engine.interval import Interval, log_at_step
from gradexp.engine.lightning_internals import build_optimizers_again, is_fitting
from gradexp.engine.scalar_tags import RATE
from gradexp.engine.stepped_module import SteppedModule
from gradexp.engine.unsupported import fused_conflict
from gradexp.models.stage_metrics import StageMetrics
from gradexp.models.train_targets import train_targets
from gradexp.models.user_metrics import LOSS_NAMES, build_metrics, metric_mode, not_mergeable
from gradexp.objective.fit import Outputs, encoded, measured
from gradexp.objective.losses import ClassWeightedLoss
from gradexp.objective.objective import Objective, ObjectiveOptions

Batch = tuple[Tensor, Tensor]

# Default optimizers of the models.
SGD: Mapping[str, Any] = {"_target_": "torch.optim.SGD", "lr": 0.1}
ADAM: Mapping[str, Any] = {"_target_": "torch.optim.Adam", "lr": 1e-3}


class AbstractModule(SteppedModule, Checked):
    """A network, the meaning of its outputs, and its default metrics, all given by a final subclass.

    A training step minimises ``loss + l1 * sum |w| + l2 * sum w^2`` over the weights w, plus any further penalties.

    Every `log_every_n_steps` steps it logs ``train/loss``, ``train/penalty``, ``train/objective`` and the training
    metrics as means over the steps since the last log, and ``train/lr``, the rate of the last step. At the end of an
    epoch it measures the same as means over the epoch's samples, of which loggers get ``train/loss_epoch``, and logs
    ``val/loss`` and the validation metrics, over the samples of all validation loaders.

    Args:
        network: From inputs [batch, ...] to outputs [batch, ...].
        own_metrics: Default metrics of the outputs besides the loss, by name.
        outputs: What the outputs are, which decides which losses fit; None in a class that overrides `loss`.
        num_classes: Number of classes; 0 where targets are real numbers.
        num_targets: Real numbers in a target.
        options: Loss, optimizer, schedule, penalties and user metrics; see ObjectiveOptions.

    Attributes:
        defaults: Default options of the class: an `optimizer`, a `monitor`, and a `loss` unless it overrides `loss`.
        latest: The training values logged last, by name; `latest_step` is the step at which they were.

    Raises:
        ValueError: An argument of the model, or one of its options, breaks its rule.
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
        loss = dict(options.get("loss") or {})
        if loss.get("_target_") is None:  # arguments alone change those of the default loss
            loss.pop("_target_", None)
            loss = {**(self.defaults.get("loss") or {}), **loss}
        settings: dict[str, Any] = {**self.defaults, **options, "loss": loss}
        sections, packages = settings.pop("metrics", {}) or {}, settings.get("trusted_packages", ())
        user_metrics = build_metrics(sections, packages, num_classes, num_targets, reserved=own_metrics)
        unmergeable = not_mergeable(user_metrics, num_classes, num_targets)
        # Training is measured twice: over the steps since the last log, and over the epoch.
        self.recent_metrics, self.epoch_metrics = (
            StageMetrics("train", own_metrics, user_metrics, self.predictions, True, unmergeable) for _ in range(2)
        )
        self.val_metrics = StageMetrics("val", own_metrics, user_metrics, self.predictions)
        self.test_metrics = StageMetrics("test", own_metrics, user_metrics, self.predictions)
        self.objective = Objective(outputs, num_classes, type(self).__name__, **settings)
        self.latest: dict[str, Any] = {}
        self.latest_step = 0
        self._log_interval = Interval(1)
        self._is_validated = False  # in the current epoch
        # Training metrics of an epoch that `max_steps` ended early, for the run that resumes it.
        self._partial_epoch: list[Any] | None = None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The data term, a mean over the batch: outputs [batch, ...] against targets [batch, ...]."""
        assert self.outputs is not None
        assert self.objective.loss is not None
        return measured(self.objective.loss, outputs, encoded(targets, outputs, self.outputs))

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """Outputs [batch, ...] in readable form, such as probabilities."""

    def penalty(self) -> Tensor:
        """The sum of the penalties over the network's weights."""
        total = self.objective.penalty(self.network.named_parameters())
        return torch.zeros((), device=self.device) if total is None else total

    def balance_loss(self, read_targets: Callable[[], Tensor]) -> None:
        """Set the class weights of a loss with class_weight="balanced" from all training targets [samples]."""
        if isinstance(self.objective.loss, ClassWeightedLoss) and self.objective.loss.is_balanced:
            self.objective.loss.balance(read_targets())

    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        penalty = self.objective.penalty(self.network.named_parameters())
        loss, outputs = self._common_step(batch, self.recent_metrics, penalty)
        return (loss if penalty is None else loss + penalty), outputs

    def mode_of(self, monitor: str) -> Literal["max", "min"] | None:
        """Whether a higher or a lower value of a monitored metric is better; None if the metric does not define it."""
        name = monitor.partition("/")[2]
        return "min" if name in LOSS_NAMES else metric_mode(self.val_metrics.metric(name))

    def names_in(self, stage: str) -> list[str]:
        """The names logged in a stage, "train" or "val", such as "val/loss"."""
        return (self.epoch_metrics if stage == "train" else self.val_metrics).names

    def save_hyperparameters(
        self, *args: Any, ignore: Any = None, frame: FrameType | None = None, logger: bool = True
    ) -> None:
        """Save arguments, but not trusted_packages: a checkpoint must not decide which packages its reader trusts."""
        caller = frame or cast(FrameType, cast(FrameType, inspect.currentframe()).f_back)
        super().save_hyperparameters(*args, ignore=[*(ignore or ()), "trusted_packages"], frame=caller, logger=logger)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load parameters and buffers; those of another loss than the model's are ignored."""
        unknown = [name for name in state_dict.keys() - self.state_dict().keys() if name.startswith("objective.loss.")]
        known = {name: value for name, value in state_dict.items() if name not in unknown}
        return super().load_state_dict(known, strict, assign)

    # Lightning's hooks, in its order

    def forward(self, inputs: Tensor) -> Tensor:
        """The network's outputs [batch, ...] for inputs [batch, ...]."""
        return cast(Tensor, self.network(inputs))

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self._partial_epoch = None

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.objective.has_found_lr and self.global_step == 0:
            build_optimizers_again(self.trainer)  # for schedules of the new rate
        self.balance_loss(lambda: train_targets(self.trainer))
        self._log_interval = Interval.between_logs(self.trainer)
        if self._partial_epoch is not None:
            for stage, state in zip((self.recent_metrics, self.epoch_metrics), self._partial_epoch, strict=True):
                stage.load_state(state)
            self._partial_epoch = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self._partial_epoch is not None:
            checkpoint["cut_epoch"] = self._partial_epoch

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self._partial_epoch = checkpoint.get("cut_epoch")

    def on_step_end(self) -> None:
        if self._log_interval.is_over(self.global_step) and self.recent_metrics.has_samples:
            values = self.recent_metrics.compute() | {RATE: self.last_lr}
            self.latest, self.latest_step = values, self.global_step
            # For Lightning's progress bars; `self.log` takes a millisecond a value, so only this one.
            self.log("train/loss", values["train/loss"], on_step=True, on_epoch=False, prog_bar=True, logger=False)
            log_at_step(self, values)
            self._add_recent_to_epoch()

    def on_train_epoch_end(self) -> None:
        if not self.ends_epoch() and self.trainer.world_size == 1:  # else only the first process's metrics are saved
            self._partial_epoch = [self.recent_metrics.state(), self.epoch_metrics.state()]
        if self.recent_metrics.has_samples:
            self._add_recent_to_epoch()
        # Not to the loggers, whose curves of these names are the means since the last log.
        values = self.epoch_metrics.compute() | {"lr": self.last_lr}
        self.log_dict(values, logger=False, sync_dist=True)
        log_at_step(self, {"train/loss_epoch": values["train/loss"]})
        self.epoch_loss = self.global_step, values["train/loss"]
        self.epoch_metrics.reset()
        if self.is_stepped and self.ends_epoch():
            # Lightning keeps the metrics of an earlier epoch's validation.
            awaited = () if self._is_validated else self.val_metrics.names
            self.step_epoch_schedules(self.trainer.callback_metrics | values, awaited)
        self._is_validated = False

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        return self._common_step(batch, self.val_metrics)[1]

    def on_validation_epoch_end(self) -> None:
        values = self.val_metrics.compute()
        in_fit = self.trainer.state.fn == TrainerFn.FITTING
        self.log_dict(values, prog_bar=True, logger=not in_fit, sync_dist=True)
        if in_fit and not self.trainer.sanity_checking:
            log_at_step(self, values)
            self._is_validated = True
        self.val_metrics.reset()

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        _, outputs = self._common_step(batch, self.test_metrics)
        return self.predictions(outputs)

    def on_test_epoch_end(self) -> None:
        self.log_dict(self.test_metrics.compute(), sync_dist=True)
        self.test_metrics.reset()

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        return self.predictions(self(pair_of(batch)[0]))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        mode = self.mode_of(self.objective.monitor)
        return self.objective.configure(self, lambda: total_steps(self.trainer), mode, fused_conflict(self._trainer))

    @property
    def lr(self) -> float:
        """The optimizer's learning rate, which Lightning's Tuner and LearningRateFinder set."""
        return self.objective.lr

    @lr.setter
    def lr(self, rate: float) -> None:
        self.objective.lr = rate
        self.objective.has_found_lr = is_fitting(self)

    def _common_step(self, batch: Batch, metrics: StageMetrics, penalty: Tensor | None = None) -> tuple[Tensor, Tensor]:
        inputs, targets = pair_of(batch)
        outputs = self(inputs)
        loss = self.loss(outputs, targets)
        metrics.update(outputs.detach(), targets, loss.detach(), None if penalty is None else penalty.detach())
        return loss, outputs

    def _add_recent_to_epoch(self) -> None:
        """Add the metrics of the recent steps to those of the epoch, and reset them."""
        self.recent_metrics.add(self.epoch_metrics)
        self.epoch_metrics, self.recent_metrics = self.recent_metrics, self.epoch_metrics
        self.recent_metrics.reset()
