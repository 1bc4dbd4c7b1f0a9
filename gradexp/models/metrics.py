"""Metrics that torchmetrics has not quite."""

import math

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy


class R2(Metric):
    """The share of the targets' variance that is explained, 1 - SSE / SST, a mean over targets.

    NaN for fewer than two samples; of constant targets 1 where they are met and 0 else, as in scikit-learn. Sums are of
    deviations from the mean, combined as by Chan, Golub and LeVeque (1979): torchmetrics' own subtracts sums of
    squares, of which little is left in float32 where the mean is large, and takes small variances for none.

    Args:
        num_targets: Numbers in a target.
    """

    full_state_update = False
    higher_is_better = True
    moments: Tensor

    def __init__(self, num_targets: int = 1) -> None:
        super().__init__()
        # Samples, their mean target, the sum of squared deviations from it, and of squared errors [4, targets].
        self.add_state("moments", torch.zeros(4, num_targets), dist_reduce_fx=_combined)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count predictions against targets, both [batch, targets]."""
        mean = target.mean(dim=0)
        number = torch.full_like(mean, len(target))
        batch = torch.stack([number, mean, (target - mean).square().sum(dim=0), (preds - target).square().sum(dim=0)])
        self.moments = _combined(torch.stack([self.moments, batch.to(self.moments.dtype)]))

    def compute(self) -> Tensor:
        number, _, deviations, errors = self.moments
        explained = torch.where(deviations > 0, 1 - errors / deviations, (errors == 0).to(errors.dtype))
        return torch.where(number < 2, math.nan, explained).mean()


def _combined(parts: Tensor) -> Tensor:
    """The moments of several samples together: [parts, 4, targets] to [4, targets]."""
    numbers, means, deviations, errors = parts.unbind(dim=1)
    number = numbers.sum(dim=0)
    mean = (numbers * means).sum(dim=0) / number.clamp(min=1)
    between = (numbers * (means - mean).square()).sum(dim=0)
    return torch.stack([number, mean, deviations.sum(dim=0) + between, errors.sum(dim=0)])


def class_accuracy(num_classes: int) -> MulticlassAccuracy:
    """The share of samples [batch] whose class has the largest of the outputs [batch, classes]."""
    # "micro" is the share of samples; validate_args looks at every target of every batch.
    return MulticlassAccuracy(num_classes, average="micro", validate_args=False)


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
