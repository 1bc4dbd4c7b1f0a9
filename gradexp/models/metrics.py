"""Metrics that torchmetrics has not quite."""

import math

from torch import Tensor
from torchmetrics import R2Score
from torchmetrics.classification import BinaryAccuracy


class R2(R2Score):
    """The share of the targets' variance that is explained; NaN for fewer than two samples, which have no variance."""

    def compute(self) -> Tensor:
        value: Tensor = self.sum_error.new_full((), math.nan) if self.total < 2 else super().compute()
        return value


class ThresholdAccuracy(BinaryAccuracy):
    """The share of samples whose one output [batch, 1] is on the right side of a threshold.

    torchmetrics' own takes outputs for probabilities or for logits, whichever they look like.

    Args:
        threshold: Above it an output speaks for class 1.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__(validate_args=False)
        self.output_threshold = threshold

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count outputs [batch, 1] against classes [batch]."""
        super().update((preds > self.output_threshold).squeeze(1).int(), target)
