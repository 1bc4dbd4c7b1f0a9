"""The default metrics of several members at once, as functions of sums over samples."""

import math

import torch
from torch import Tensor
from torchmetrics import MeanSquaredError, Metric
from torchmetrics.classification import MulticlassAccuracy

from gradexp.engine.stack.means import StackedMetric
from gradexp.models.default_metrics import R2, ThresholdAccuracy


def stacked_metric(metric: Metric) -> StackedMetric | None:
    """The metric for outputs and targets [members, samples, ...]; None if there is no such version of it."""
    if type(metric) is ThresholdAccuracy:
        threshold = metric.output_threshold
        return StackedMetric(
            lambda outputs, targets: _sum_and_number((outputs > threshold).squeeze(2) == targets), _ratio
        )
    if type(metric) is MulticlassAccuracy and metric.average == "micro" and metric.top_k == 1:
        return StackedMetric(lambda outputs, targets: _sum_and_number(outputs.argmax(dim=2) == targets), _ratio)
    if type(metric) is MeanSquaredError and metric.squared:
        return StackedMetric(_squared_errors, _ratio)
    if type(metric) is R2:
        return StackedMetric(_moments, _explained)
    return None


def _sum_and_number(values: Tensor) -> Tensor:
    """Of values [members, samples]: their sum and their number [members, 2]."""
    number = torch.full_like(values[:, 0], values.shape[1], dtype=torch.float64)
    return torch.stack([values.sum(dim=1).double(), number], dim=1)


def _ratio(sums: Tensor) -> Tensor:
    return sums[:, 0] / sums[:, 1]


def _squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    return _sum_and_number((outputs - targets).square().flatten(1))


def _moments(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of each target: samples, sum, sum of squares, sum of squared errors [members, 4 * targets]."""
    values = targets.double()
    number = torch.full_like(values[:, 0], values.shape[1])
    errors = (outputs.double() - values).square().sum(dim=1)
    return torch.cat([number, values.sum(dim=1), values.square().sum(dim=1), errors], dim=1)


def _explained(sums: Tensor) -> Tensor:
    """R^2 as a mean over targets, by the conventions of R2."""
    number, total, squares, errors = sums.view(len(sums), 4, -1).unbind(dim=1)
    deviations = squares - total.square() / number
    # Constant targets leave rounding errors of the sums, in double precision.
    is_constant = deviations <= 1e-13 * squares
    explained = torch.where(is_constant, (errors == 0).double(), 1 - errors / deviations.masked_fill(is_constant, 1.0))
    return torch.where(number < 2, math.nan, explained).mean(dim=1)
