"""Class weights and weighted regression against scikit-learn, for any batches."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import HuberRegressor, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.objective.losses import BinaryCrossEntropy, CrossEntropy, Hinge
from tests.models.fitting import LBFGS, fitted, full_batches
from tests.objective.loss_cases import CLASSES, SAMPLES, WEIGHTS, made


def test_balanced_weights_equal_scikit_learns(classes: Tensor) -> None:
    loss = CrossEntropy(CLASSES, class_weight="balanced")
    loss.balance(classes)
    assert loss.class_weight is not None
    expected = compute_class_weight("balanced", classes=np.arange(CLASSES), y=classes.numpy())
    np.testing.assert_allclose(loss.class_weight, expected, rtol=1e-6)


def test_a_class_without_samples_gets_weight_0() -> None:
    loss = Hinge(4, class_weight="balanced")
    loss.balance(torch.tensor([0, 0, 0, 2]))
    assert loss.class_weight is not None
    # 4 samples / (4 classes * 3 of class 0), 0, 4 / (4 * 1), 0
    np.testing.assert_allclose(loss.class_weight, [1 / 3, 0, 1, 0], rtol=1e-6)


def two_clouds() -> tuple[Tensor, Tensor]:
    """Overlapping samples of two classes, three to one."""
    generator = torch.Generator().manual_seed(2)
    targets = (torch.arange(80) % 4 == 0).long()
    inputs = torch.randn(80, 2, generator=generator, dtype=torch.float64) + targets.unsqueeze(1)
    return inputs, targets


@pytest.mark.parametrize("weight", ["balanced", [0.5, 3.0]])
@pytest.mark.parametrize("model", ["LogisticRegression", "SoftmaxRegression"])
def test_weighted_regression_converges_to_scikit_learns_weights(model: str, weight: Any) -> None:
    inputs, targets = two_clouds()
    loss = {"_target_": "gradexp.objective.losses.CrossEntropy"}
    if model == "LogisticRegression":
        loss = {"_target_": "gradexp.objective.losses.BinaryCrossEntropy"}
    l2 = 0.01
    found = made(model, {**loss, "class_weight": weight}, num_classes=2, l2=l2, optimizer=LBFGS)
    fitted(found, full_batches(inputs, targets, steps=4))
    # Only the difference of two logits matters: each has half of the weight, so the penalty is half as large.
    shared = 1 if model == "LogisticRegression" else 2
    by_class = weight if weight == "balanced" else dict(enumerate(weight))
    oracle = LogisticRegression(C=shared / (2 * len(targets) * l2), class_weight=by_class, tol=1e-10, max_iter=1000)
    oracle.fit(inputs, targets)
    layer = found.network if model == "LogisticRegression" else found.network.get_submodule("output")
    weights = np.atleast_2d(layer.weight.detach().numpy())  # type: ignore[operator]
    np.testing.assert_allclose(weights[-1] - (weights[0] if shared == 2 else 0), oracle.coef_[0], rtol=1e-4)


def test_linear_regression_with_hubers_loss_converges_to_scikit_learns_weights() -> None:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    targets = inputs @ torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    targets += 0.5 * torch.randn(60, 1, generator=generator, dtype=torch.float64)
    targets[:4] += 20
    oracle = HuberRegressor(epsilon=1.35, alpha=0.0, tol=1e-10, max_iter=1000).fit(inputs, targets[:, 0])
    # scikit-learn also learns a scale; its delta is epsilon * scale.
    loss = {"_target_": "torch.nn.HuberLoss", "delta": 1.35 * oracle.scale_}
    model = made("LinearRegression", loss, optimizer=LBFGS)
    fitted(model, full_batches(inputs, targets, steps=4))
    weight, bias = (parameter.detach().numpy() for parameter in model.network.parameters())
    np.testing.assert_allclose([*weight[0], bias[0]], [*oracle.coef_, oracle.intercept_], rtol=1e-4)


CUTS: list[list[int]] = [[SAMPLES], [1, 22], [7, 7, 9], [1] * SAMPLES]


@pytest.mark.parametrize("sizes", CUTS)
@pytest.mark.parametrize(
    ("loss", "is_single"),
    [
        (CrossEntropy(CLASSES, label_smoothing=0.1, class_weight=WEIGHTS), False),
        (Hinge(CLASSES, class_weight=WEIGHTS), False),
        (Hinge(2, class_weight=[0.3, 1.7]), True),
        (BinaryCrossEntropy(2, True, class_weight=[0.3, 1.7]), True),
    ],
)
def test_a_weighted_loss_is_the_mean_over_samples_for_any_batches(
    loss: nn.Module, is_single: bool, sizes: list[int], logits: Tensor, classes: Tensor, bits: Tensor
) -> None:
    outputs, targets = (logits[:, :1], bits) if is_single else (logits, classes)
    bounds = np.cumsum([0, *sizes])
    batches = [(outputs[start:end], targets[start:end]) for start, end in pairwise(bounds.tolist())]
    parts = [len(some) * loss(some, theirs).item() for some, theirs in batches]
    assert sum(parts) / SAMPLES == pytest.approx(loss(outputs, targets).item(), rel=1e-9)


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_the_logged_loss_of_balanced_classes_does_not_depend_on_the_batches(batch_size: int | None) -> None:
    inputs, targets = two_clouds()
    loss = {"_target_": "gradexp.objective.losses.CrossEntropy", "class_weight": "balanced"}
    model = made("SoftmaxRegression", loss, num_classes=2, optimizer={"_target_": "torch.optim.SGD", "lr": 1e-9})
    order = BatchOrder(len(targets), batch_size)
    metrics = fitted(model, BatchLoader(TensorSource(inputs, targets), order)).callback_metrics
    weights = compute_class_weight("balanced", classes=np.arange(2), y=targets.numpy())[targets]
    with torch.no_grad():
        probabilities = model(inputs).softmax(1)
    expected = log_loss(targets, probabilities, sample_weight=weights)  # the mean of balanced weights is 1
    assert metrics["train/loss"].item() == pytest.approx(expected, rel=1e-5)


def test_class_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"loss\.class_weight must have a weight above 0; got \[0, 0, 0\]"):
        made("MLPClassifier", {"class_weight": [0, 0, 0]})
