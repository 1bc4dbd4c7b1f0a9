"""How many weights a fit has left at zero."""

from typing import Annotated

import torch
from lightning.pytorch import LightningModule, Trainer

from gradexp.callbacks.report import Report
from gradexp.objective.weights import weights
from gradexp.rules import POSITIVE


class Sparsity(Report):
    """At the end of a fit ``sparsity/zero``, the share of weights that are exactly zero, and ``sparsity/small``.

    Weights are what penalties take: biases are not counted.

    Args:
        threshold: The size below which a weight is small.

    Raises:
        ValueError: The threshold is not above 0.
    """

    def __init__(self, threshold: Annotated[float, POSITIVE] = 1e-3) -> None:
        super().__init__()
        self.threshold = threshold

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        found = weights(pl_module.named_parameters())
        if found:
            sizes = torch.cat([weight.detach().abs().flatten() for weight in found])
            self.metrics["sparsity/zero"] = float((sizes == 0).float().mean())
            self.metrics["sparsity/small"] = float((sizes < self.threshold).float().mean())
