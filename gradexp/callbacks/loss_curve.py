"""The curves of the training and the validation loss."""

from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.callbacks.report import Report
from gradexp.engine.step_callback import StepCallback


class LossCurve(Report, StepCallback):
    """Records the training and the validation loss as they are logged, and draws both after the fit.

    Of the training loss it draws the means of epochs where more of them than of log entries were recorded: epochs of
    few samples have fewer steps than an interval of logging.
    """

    def __init__(self, draw: bool = True) -> None:
        super().__init__(draw)
        self._module: LightningModule | None = None
        self._train: list[tuple[int, Any]] = []
        self._epochs: list[tuple[int, Any]] = []
        self._val: list[tuple[int, Any]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._module = pl_module

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self._record(pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._record(pl_module)  # before the checkpoint is written

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._record(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loss = trainer.callback_metrics.get("val/loss")
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking and loss is not None:
            self._val.append((trainer.global_step, loss))

    def _record(self, module: Any) -> None:
        """Record what the module logged last, which was after this callback's previous hook."""
        step = getattr(module, "latest_step", 0)
        if step and (not self._train or step != self._train[-1][0]):
            # Kept as a tensor: reading its value here would wait for the device.
            self._train.append((step, module.latest["train/loss"]))
        step, loss = getattr(module, "epoch_loss", (0, None))
        if step and (not self._epochs or step != self._epochs[-1][0]):
            self._epochs.append((step, loss))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        train = self._train if len(self._train) >= len(self._epochs) else self._epochs
        curves = {
            name: (np.array([step for step, _ in points]), np.array([float(loss) for _, loss in points]))
            for name, points in (("train/loss", train), ("val/loss", self._val))
            if points
        }
        if self.draw and curves:
            publish(trainer, "loss_curve", figures.loss_curve(curves))

    def state_dict(self) -> dict[str, Any]:
        self._record(self._module)  # the epoch that has just ended
        # Tensors are replaced by numbers, so that each is read only once.
        self._train, self._val, self._epochs = (
            [(step, float(loss)) for step, loss in points] for points in (self._train, self._val, self._epochs)
        )
        return {"train": list(self._train), "val": list(self._val), "epochs": list(self._epochs)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._train, self._val = list(state_dict["train"]), list(state_dict["val"])
        self._epochs = list(state_dict.get("epochs", []))  # absent in checkpoints of earlier versions
