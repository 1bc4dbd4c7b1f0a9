"""MLPFromScratch against MLPClassifier, which consists of library layers, and against F.cross_entropy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.models import AbstractModule, MLPClassifier, MLPFromScratch
from gradexp.rules import INIT_NAMES
from tests.models.fitting import as_numpy


def pair(seed: int = 0, **arguments: Any) -> tuple[MLPFromScratch, MLPClassifier]:
    """Both models drawn from one seed."""
    torch.manual_seed(seed)
    scratch = MLPFromScratch(12, 5, hidden=(9, 7), **arguments)
    torch.manual_seed(seed)
    return scratch, MLPClassifier(12, 5, hidden=(9, 7), **arguments)


def in_layer_order(model: AbstractModule) -> list[Tensor]:
    """Weight and bias of each layer."""
    if isinstance(model, MLPClassifier):
        return list(model.parameters())
    weights, biases = (model.network.get_submodule(name) for name in ("weights", "biases"))
    assert isinstance(weights, nn.ParameterList)
    assert isinstance(biases, nn.ParameterList)
    return [parameter for layer in zip(weights, biases, strict=True) for parameter in layer]


def steps(model: AbstractModule, dtype: torch.dtype, number: int = 20) -> tuple[list[float], list[Tensor]]:
    """The objective before each of some SGD steps, and the parameters after them."""
    stream = torch.Generator().manual_seed(1)
    optimizer: Any = model.configure_optimizers()
    objectives = []
    for _ in range(number):
        images = torch.randn(16, 1, 3, 4, generator=stream, dtype=torch.float64).to(dtype)
        targets = torch.randint(5, (16,), generator=stream)
        optimizer.zero_grad()
        objective = model.training_step((images, targets), 0)
        objective.backward()
        optimizer.step()
        objectives.append(objective.item())
    return objectives, in_layer_order(model)


@pytest.mark.parametrize("init", INIT_NAMES)
def test_both_have_the_same_initial_weights_for_a_seed(init: str) -> None:
    scratch, library = pair(init=init)
    for weights, expected in zip(in_layer_order(scratch), in_layer_order(library), strict=True):
        # Also for "default", although torch.nn.Linear computes its limit as sqrt(3) * sqrt(1 / 3) / sqrt(inputs).
        assert torch.equal(weights, expected)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.001, 0.01)])
@pytest.mark.parametrize("output_activation", [None, "relu"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_twenty_steps_of_both_are_equal(
    dtype: torch.dtype, tolerance: float, output_activation: str | None, l1: float, l2: float
) -> None:
    optimizer = {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.5}
    arguments: dict[str, Any] = {"output_activation": output_activation, "optimizer": optimizer, "l1": l1, "l2": l2}
    scratch, library = pair(init="kaiming_normal", **arguments)
    losses, parameters = steps(scratch.to(dtype), dtype)
    expected_losses, expected = steps(library.to(dtype), dtype)
    np.testing.assert_allclose(losses, expected_losses, rtol=tolerance)
    torch.testing.assert_close(parameters, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4, 1e30])
def test_loss_and_gradient_equal_torchs_cross_entropy(scale: float) -> None:
    torch.manual_seed(2)
    model = MLPFromScratch(3, 6)
    logits = (scale * torch.randn(30, 6)).requires_grad_()
    targets = torch.randint(6, (30,))
    loss, expected = model.loss(logits, targets), F.cross_entropy(logits, targets)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, logits)
    (expected_gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-7)


def test_the_loss_of_equal_and_extreme_logits_is_exact() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0], [0.0, 3e4, 3e4], [-1e4, -1e4, -1e4]])
    # 2e4, ln 2 and ln 3
    loss = MLPFromScratch(2, 3).loss(logits, torch.tensor([1, 2, 0])).item()
    assert loss == pytest.approx((2e4 + np.log(2) + np.log(3)) / 3, rel=1e-6)


def test_predictions_are_probabilities() -> None:
    logits = torch.log(torch.tensor([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(as_numpy(MLPFromScratch(2, 3).predictions(logits)), [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-6)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("hidden", (3, 0)), ("hidden", 3), ("init", "zeros"), ("output_activation", "tanh"), ("num_classes", 1)],
)
def test_a_bad_argument_raises_with_its_name(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"in_features": 4, "num_classes": 3, argument: value}
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*; got "):
        MLPFromScratch(**arguments)
