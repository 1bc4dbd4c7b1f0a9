"""MLPClassifier against NumPy: its layers, outputs, loss and gradients."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from gradexp import MLPClassifier
from gradexp.rules import ACTIVATION_NAMES

Array = npt.NDArray[np.float64]

erf = np.vectorize(math.erf)
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "identity": lambda x: x,
}


def numpy_logits(parameters: Sequence[Array], inputs: Array, activation: str) -> Array:
    """Alternating weights [out, in] and biases [out], the activation between the layers."""
    values = inputs.reshape(len(inputs), -1)
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        values = ACTIVATIONS[activation](values @ weight.T + bias)
    return values @ parameters[-2].T + parameters[-1]


def numpy_cross_entropy(logits: Array, targets: npt.NDArray[np.int64]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probabilities[np.arange(len(targets)), targets].mean())


def as_numpy(model: nn.Module) -> list[Array]:
    return [parameter.detach().double().numpy().copy() for parameter in model.parameters()]


@pytest.mark.parametrize("hidden", [(), (7,), (9, 4), (5, 6, 7)])
def test_hidden_sets_the_widths_and_names_of_layers(hidden: tuple[int, ...]) -> None:
    model = MLPClassifier(in_features=12, num_classes=3, hidden=hidden, activation="tanh", batch_norm=True)
    linear = {name: layer for name, layer in model.network.named_children() if isinstance(layer, nn.Linear)}
    assert list(linear) == [f"linear_{number}" for number in range(1, len(hidden) + 1)] + ["output"]
    widths = [12, *hidden, 3]
    assert [tuple(layer.weight.shape) for layer in linear.values()] == list(zip(widths[1:], widths[:-1], strict=True))
    for kind, prefix in ((nn.Tanh, "tanh_"), (nn.BatchNorm1d, "batch_norm_")):
        names = [name for name, layer in model.network.named_children() if isinstance(layer, kind)]
        assert names == [f"{prefix}{number}" for number in range(1, len(hidden) + 1)]


@pytest.mark.parametrize("hidden", [(), (7,), (9, 4)])
def test_logits_and_loss_equal_numpys(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = MLPClassifier(in_features=12, num_classes=3, hidden=hidden, activation="silu")
    images, targets = torch.randn(6, 1, 3, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    logits = model(images)
    expected = numpy_logits(as_numpy(model), images.double().numpy(), "silu")
    np.testing.assert_allclose(logits.detach(), expected, rtol=1e-5, atol=1e-6)
    assert model.loss(logits, targets).item() == pytest.approx(numpy_cross_entropy(expected, targets.numpy()), rel=1e-5)


def test_loss_is_exact_for_large_logits() -> None:
    model = MLPClassifier(in_features=2, num_classes=3)
    logits, targets = torch.tensor([[1e4, -1e4, 0.0], [0.0, 3e4, 3e4]]), torch.tensor([1, 2])
    # By hand: 2e4 for the first, ln 2 for the second.
    assert model.loss(logits, targets).item() == pytest.approx((2e4 + math.log(2)) / 2, rel=1e-6)
    expected = numpy_cross_entropy(logits.double().numpy(), targets.numpy())
    assert model.loss(logits, targets).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_gradient_of_the_objective_equals_finite_differences(activation: str) -> None:
    torch.manual_seed(1)
    model = MLPClassifier(in_features=3, num_classes=3, hidden=(4, 3), activation=activation, l1=0.02, l2=0.03).double()
    inputs, targets = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 1])
    model.training_step((inputs, targets), 0).backward()
    values = as_numpy(model)

    def objective() -> float:
        loss = numpy_cross_entropy(numpy_logits(values, inputs.numpy(), activation), targets.numpy())
        weights = values[0::2]
        return loss + sum(0.02 * float(np.abs(w).sum()) + 0.03 * float((w**2).sum()) for w in weights)

    step = 1e-5
    for (name, parameter), value in zip(model.named_parameters(), values, strict=True):
        expected = np.zeros_like(value)
        for index in np.ndindex(*value.shape):
            kept = value[index]
            value[index] = kept + step
            above = objective()
            value[index] = kept - step
            expected[index] = (above - objective()) / (2 * step)
            value[index] = kept
        assert parameter.grad is not None
        np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=1e-7, atol=1e-9, err_msg=name)


def test_dropout_drops_a_share_and_scales_the_rest_in_training_only() -> None:
    torch.manual_seed(4)
    model = MLPClassifier(20, 2, hidden=(500,), dropout=0.25, input_dropout=0.5)
    for layer, width, p in (("input_dropout", 20, 0.5), ("dropout_1", 500, 0.25)):
        dropout, inputs = model.network.get_submodule(layer), torch.rand(400, width) + 1
        ratio = dropout(inputs) / inputs
        dropped = ratio == 0
        assert dropped.float().mean().item() == pytest.approx(p, abs=0.03)
        torch.testing.assert_close(ratio[~dropped], torch.full_like(ratio[~dropped], 1 / (1 - p)))
    inputs = torch.randn(8, 20)
    assert not torch.equal(model(inputs), model(inputs))
    model.eval()
    expected = numpy_logits(as_numpy(model), inputs.double().numpy(), "relu")
    np.testing.assert_allclose(model(inputs).detach(), expected, rtol=1e-5, atol=1e-6)


def test_relu_after_the_last_layer_leaves_no_negative_logit() -> None:
    torch.manual_seed(5)
    plain = MLPClassifier(6, 4, hidden=())
    cut = MLPClassifier(6, 4, hidden=(), output_activation="relu")
    cut.load_state_dict(plain.state_dict())
    inputs = torch.randn(50, 6)
    logits = plain(inputs)
    assert (logits < 0).any()
    assert torch.equal(cut(inputs), torch.where(logits > 0, logits, 0))


def test_predictions_are_probabilities_in_the_order_of_the_logits() -> None:
    logits = torch.tensor([[math.log(1), math.log(2), math.log(5)], [1e4, 0, -1e4]])
    expected = torch.tensor([[1 / 8, 2 / 8, 5 / 8], [1, 0, 0]])
    torch.testing.assert_close(MLPClassifier(2, 3).predictions(logits), expected)
