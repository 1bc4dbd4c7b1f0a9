"""The epochs and seconds of fitting after which a metric first reached a target."""

from typing import Annotated, Any

from lightning.pytorch import LightningModule, Trainer

from gradexp.callbacks.report import Report
from gradexp.engine.fit_clock import FitClock
from gradexp.objective.monitor import Mode, sign
from gradexp.rules import FINITE, TEXT


class TimeToTarget(Report):
    """Reports ``epochs/to_target`` and ``seconds/to_target``, or neither if the target is not reached.

    The metric is checked between epochs. The seconds are those of the fit, with validation and all resumed parts.

    Args:
        monitor: The metric.
        mode: "max" if higher values are better, else "min".
        target: The value to reach.
        clock: The clock of the same fit.
    """

    def __init__(
        self, monitor: Annotated[str, TEXT], mode: Mode, target: Annotated[float, FINITE], clock: FitClock
    ) -> None:
        super().__init__()
        self.monitor, self.target, self._clock = monitor, target, clock
        self._sign = sign(mode)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.metrics:
            self.notes.append(f"target_score {self.target:g} of {self.monitor} was not reached")

    def _check(self, trainer: Trainer) -> None:
        score = trainer.callback_metrics.get(self.monitor)
        if not self.metrics and score is not None and self._sign * score.item() >= self._sign * self.target:
            self.metrics = {"epochs/to_target": trainer.current_epoch, "seconds/to_target": self._clock.elapsed}

    def state_dict(self) -> dict[str, Any]:
        return dict(self.metrics)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.metrics = dict(state_dict)
