"""R2 against scikit-learn, and ThresholdAccuracy against NumPy."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch import Tensor

from gradexp.models.default_metrics import R2, ThresholdAccuracy


def r2(predictions: Tensor, targets: Tensor, sizes: Sequence[int] | None = None) -> float:
    metric = R2(targets.shape[1])
    sizes = list(sizes or [len(targets)])
    for batch in zip(torch.split(predictions, sizes), torch.split(targets, sizes), strict=True):
        metric.update(*batch)
    return metric.compute().item()


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("sizes", [[40], [1, 39], [7, 7, 7, 7, 7, 5], [1] * 40])
def test_r2_over_batches_equals_scikit_learns_over_all_samples(sizes: list[int], targets: int) -> None:
    torch.manual_seed(0)
    y = torch.randn(40, targets) * torch.arange(1, targets + 1)
    predictions = y + 0.7 * torch.randn(40, targets)
    assert r2(predictions, y, sizes) == pytest.approx(r2_score(y.numpy(), predictions.numpy()), rel=1e-5)


def test_r2_of_merged_metrics_equals_that_of_all_samples() -> None:
    torch.manual_seed(1)
    y = torch.randn(30, 1) + 2
    predictions = y + torch.randn(30, 1)
    first, second = R2(), R2()
    first.update(predictions[:1], y[:1])
    second.update(predictions[1:], y[1:])
    second.merge_state(first)
    assert second.compute().item() == pytest.approx(r2_score(y.numpy(), predictions.numpy()), rel=1e-5)


def test_r2_is_zero_for_the_mean_and_one_for_the_targets_and_negative_for_worse() -> None:
    y = torch.tensor([[1.0], [2.0], [6.0]])
    assert r2(torch.full_like(y, 3), y) == pytest.approx(0, abs=1e-6)
    assert r2(y, y) == 1
    # 1 - (1 + 4 + 36) / (4 + 1 + 9)
    assert r2(torch.zeros_like(y), y) == pytest.approx(1 - 41 / 14, rel=1e-6)


def test_r2_of_one_sample_is_nan() -> None:
    assert math.isnan(r2(torch.tensor([[1.0]]), torch.tensor([[2.0]])))
    assert math.isnan(r2(torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 3.0]])))


@pytest.mark.parametrize("scale", [1e-3, 1e-5])
def test_r2_does_not_depend_on_the_targets_unit(scale: float) -> None:
    y = torch.tensor([[1.0], [2.0], [6.0]])
    assert r2(torch.zeros_like(y), scale * y) == pytest.approx(1 - 41 / 14, rel=1e-5)


@pytest.mark.parametrize("offset", [1e3, 1e4])
def test_r2_does_not_depend_on_the_targets_origin(offset: float) -> None:
    torch.manual_seed(2)
    y = torch.randn(200, 1) + offset
    predictions = y.mean() + (y - y.mean()) / 2
    expected = r2_score(y.double().numpy(), predictions.double().numpy())
    assert r2(predictions, y) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_threshold_accuracy_counts_what_is_above_the_threshold(threshold: float) -> None:
    torch.manual_seed(3)
    outputs, targets = 2 * torch.randn(100, 1), torch.randint(2, (100,))
    metric = ThresholdAccuracy(threshold)
    for batch in zip(torch.split(outputs, 30), torch.split(targets, 30), strict=True):
        metric.update(*batch)
    expected = ((outputs[:, 0].numpy() > threshold) == targets.numpy()).mean()
    assert metric.compute().item() == pytest.approx(expected)


def test_logits_within_zero_and_one_are_not_mistaken_for_probabilities() -> None:
    metric = ThresholdAccuracy(0.0)
    metric.update(torch.tensor([[0.1], [0.2], [0.9], [0.4]]), torch.tensor([1, 1, 1, 0]))
    # All are above 0 and mean class 1; as probabilities, three of them would mean class 0.
    assert metric.compute().item() == 0.75


def test_probabilities_are_not_mistaken_for_logits() -> None:
    metric = ThresholdAccuracy(0.5)
    metric.update(torch.tensor([[0.1], [0.49], [0.51], [1.0]]), torch.tensor([0, 0, 1, 1]))
    assert metric.compute().item() == 1


def test_an_output_on_the_threshold_means_class_0() -> None:
    outputs = torch.tensor([[0.0], [np.nextafter(np.float32(0), np.float32(1)).item()]])
    metric = ThresholdAccuracy(0.0)
    metric.update(outputs, torch.tensor([0, 1]))
    assert metric.compute().item() == 1
