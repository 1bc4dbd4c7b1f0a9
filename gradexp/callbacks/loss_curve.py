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
    """Records the training and the validation loss as they are logged, and draws both after the fit."""

    def __init__(self, draw: bool = True) -> None:
        super().__init__(draw)
        self._train: list[tuple[int, Any]] = []
        self._val: list[tuple[int, Any]] = []

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

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        curves = {
            name: (np.array([step for step, _ in points]), np.array([float(loss) for _, loss in points]))
            for name, points in (("train/loss", self._train), ("val/loss", self._val))
            if points
        }
        if self.draw and curves:
            publish(trainer, "loss_curve", figures.loss_curve(curves))

    def state_dict(self) -> dict[str, Any]:
        # Tensors are replaced by numbers, so that each is read only once.
        self._train, self._val = ([(step, float(loss)) for step, loss in points] for points in (self._train, self._val))
        return {"train": list(self._train), "val": list(self._val)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._train, self._val = list(state_dict["train"]), list(state_dict["val"])
