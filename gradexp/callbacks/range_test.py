"""The learning-rate range test before a fit."""

from typing import Annotated, Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateFinder

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.callbacks.report import Report
from gradexp.rules import POSITIVE, at_least


class RangeTest(Report):
    """Trains a few steps at rates from `min_lr` to `max_lr`, and lets the fit begin anew at the rate it suggests.

    The suggestion is where the loss falls most steeply over the logarithm of the rate (Smith 2017, "Cyclical learning
    rates for training neural networks"), as Lightning's LearningRateFinder computes it.

    Args:
        min_lr: Rate of the first step.
        max_lr: Rate of the last step.
        num_training_steps: Number of steps.
        draw: Whether to draw the losses over the rates.
    """

    def __init__(
        self,
        min_lr: Annotated[float, POSITIVE] = 1e-6,
        max_lr: Annotated[float, POSITIVE] = 1.0,
        num_training_steps: Annotated[int, at_least(20)] = 100,
        draw: bool = True,
    ) -> None:
        super().__init__(draw)
        if min_lr >= max_lr:
            raise ValueError(f"callbacks.range_test.min_lr must be below max_lr, {max_lr:g}; got {min_lr:g}.")
        self._finder = LearningRateFinder(min_lr, max_lr, num_training_steps)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.ckpt_path is not None:  # a resumed fit keeps its rate
            return
        self._finder.lr_find(trainer, pl_module)
        assert self._finder.optimal_lr is not None
        rates, losses = (np.array(self._finder.optimal_lr.results[name]) for name in ("lr", "loss"))
        suggestion = self._finder.optimal_lr.suggestion()
        if suggestion is None:
            self.notes.append("the range test found no rate at which the loss falls: optimizer.lr is unchanged")
        else:
            self.metrics["range_test/lr"] = suggestion
        if self.draw:
            publish(trainer, "range_test", figures.range_test(rates, losses, suggestion))

    def state_dict(self) -> dict[str, Any]:
        return dict(self.metrics)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.metrics = dict(state_dict)
