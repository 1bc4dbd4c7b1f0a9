"""A figure of a regression after its test."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.callbacks.report import Report
from gradexp.engine.batches import pair_of
from gradexp.engine.precision import at_least_single
from gradexp.models import AbstractRegressor
from gradexp.rules.words import counted


class RegressionFigures(Report):
    """Draws the predictions against the targets of the test part, in the targets' original units."""

    def __init__(self, draw: bool = True) -> None:
        super().__init__(draw)
        self._batches: list[tuple[Tensor, Tensor]] = []

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        if self.draw and isinstance(pl_module, AbstractRegressor):
            self._batches.append((at_least_single(outputs).cpu(), at_least_single(pair_of(batch)[1]).cpu()))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._batches:
            return
        in_units = getattr(getattr(trainer, "datamodule", None), "in_target_units", lambda values: values)
        predicted, true = (in_units(torch.cat(part))[:, 0].numpy() for part in zip(*self._batches, strict=True))
        title = f"Predictions of {counted(len(true), 'test sample')}"
        publish(trainer, "test/predicted_against_true", figures.predicted_against_true(predicted, true, title))
