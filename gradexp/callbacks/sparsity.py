"""The share of weights that are zero after a fit."""

from typing import Annotated

import torch
from lightning.pytorch import LightningModule, Trainer

from gradexp.callbacks.report import Report
from gradexp.objective.weights import weights
from gradexp.rules import POSITIVE


class Sparsity(Report):
    """Reports the shares of weights that are exactly zero and that are small, ``sparsity/zero`` and ``sparsity/small``.

    Only penalised parameters count as weights, which excludes biases.

    Args:
        threshold: Absolute value below which a weight is small.

    Raises:
        ValueError: The threshold is not above 0.
    """

    def __init__(self, threshold: Annotated[float, POSITIVE] = 1e-3) -> None:
        super().__init__()
        self.threshold = threshold

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        penalised = weights(pl_module.named_parameters())
        if penalised:
            sizes = torch.cat([weight.detach().abs().flatten() for weight in penalised])
            self.metrics["sparsity/zero"] = float((sizes == 0).float().mean())
            self.metrics["sparsity/small"] = float((sizes < self.threshold).float().mean())
