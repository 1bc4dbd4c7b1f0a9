"""The metrics that models log by default: R^2 and accuracies, where torchmetrics' versions do not fit."""

import math

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy


class R2(Metric):
    """The share of the targets' variance that is explained, 1 - SSE / SST, as a mean over targets.

    NaN for fewer than two samples. For constant targets 1 if all predictions are exact, else 0, as in scikit-learn.
    It sums squared deviations from the mean and combines batches as Chan, Golub and LeVeque (1979). torchmetrics'
    R2Score subtracts sums of squares, which loses float32 precision if the mean is large, and treats small variances
    as zero.
    """

    full_state_update = False
    higher_is_better = True
    moments: Tensor

    def __init__(self, num_targets: int = 1) -> None:
        super().__init__()
        # Number of samples, mean target, sum of squared deviations from it, sum of squared errors [4, targets].
        self.add_state("moments", torch.zeros(4, num_targets), dist_reduce_fx=_combined)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add predictions and targets, both [batch, targets]."""
        mean = target.mean(dim=0)
        number = torch.full_like(mean, len(target))
        batch = torch.stack([number, mean, (target - mean).square().sum(dim=0), (preds - target).square().sum(dim=0)])
        self.moments = _combined(torch.stack([self.moments, batch.to(self.moments.dtype)]))

    def compute(self) -> Tensor:
        number, _, deviations, errors = self.moments
        explained = torch.where(deviations > 0, 1 - errors / deviations, (errors == 0).to(errors.dtype))
        return torch.where(number < 2, math.nan, explained).mean()


def _combined(parts: Tensor) -> Tensor:
    """The moments of several sets of samples taken together: [parts, 4, targets] to [4, targets]."""
    numbers, means, deviations, errors = parts.unbind(dim=1)
    number = numbers.sum(dim=0)
    mean = (numbers * means).sum(dim=0) / number.clamp(min=1)
    between = (numbers * (means - mean).square()).sum(dim=0)
    return torch.stack([number, mean, deviations.sum(dim=0) + between, errors.sum(dim=0)])


def class_accuracy(num_classes: int) -> MulticlassAccuracy:
    """The share of targets [batch] that are the class with the largest of the outputs [batch, classes]."""
    # "micro" averages over samples; validate_args would check every target of every batch.
    return MulticlassAccuracy(num_classes, average="micro", validate_args=False)


class ThresholdAccuracy(BinaryAccuracy):
    """The accuracy of a single output [batch, 1], which means class 1 where it is above the threshold, else class 0.

    torchmetrics' BinaryAccuracy guesses from the values whether outputs are probabilities or logits.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__(validate_args=False)
        self.output_threshold = threshold

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add outputs [batch, 1] and classes [batch]."""
        super().update((preds > self.output_threshold).squeeze(1).int(), target)
