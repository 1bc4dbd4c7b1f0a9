"""MLPClassifier against NumPy: its layers, outputs, loss, gradients and initial weights."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningCLI
from torch import nn

from gradexp import Digits, MLPClassifier
from gradexp.checks import Activation

Array = npt.NDArray[np.float64]

QUIET: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}
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
def test_layers_have_the_widths_and_names_that_hidden_says(hidden: tuple[int, ...]) -> None:
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


@pytest.mark.parametrize("activation", get_args(Activation))
def test_gradient_of_the_objective_equals_finite_differences_in_numpy(activation: Activation) -> None:
    torch.manual_seed(1)
    model = MLPClassifier(in_features=3, num_classes=3, hidden=(4, 3), activation=activation, l1=0.02, l2=0.03).double()
    inputs, targets = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 1])
    model.training_step((inputs, targets), 0).backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
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


@pytest.mark.parametrize(
    ("init", "std"),
    [("kaiming_normal", math.sqrt(2 / 400)), ("xavier_uniform", math.sqrt(2 / (400 + 1600))), ("normal", 1.0)],
)
def test_initial_weights_have_the_spread_of_their_formula_and_biases_are_zero(init: Any, std: float) -> None:
    torch.manual_seed(2)
    layer = MLPClassifier(in_features=400, num_classes=2, hidden=(1600,), init=init).network[1]
    assert isinstance(layer, nn.Linear)
    assert layer.weight.std().item() == pytest.approx(std, rel=0.01)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.01 * std)
    # A uniform draw ends at sqrt(3) standard deviations; of 640,000 normal ones some lie beyond four.
    reach = layer.weight.abs().max().item() / std
    assert reach <= math.sqrt(3) + 1e-6 if init == "xavier_uniform" else reach > 4
    assert not layer.bias.any()


def test_default_initial_values_are_torchs_own() -> None:
    torch.manual_seed(3)
    model = MLPClassifier(in_features=8, num_classes=3, hidden=(5,))
    torch.manual_seed(3)
    own = [nn.Linear(8, 5), nn.Linear(5, 3)]
    expected = [parameter for layer in own for parameter in layer.parameters()]
    assert all(map(torch.equal, model.parameters(), expected))
    assert all(parameter.any() for parameter in expected)


def test_dropout_drops_its_share_and_scales_the_rest_in_training_alone() -> None:
    torch.manual_seed(4)
    model = MLPClassifier(20, 2, hidden=(500,), activation="identity", dropout=0.25, input_dropout=0.5)
    inputs = torch.rand(200, 20) + 1
    for layers, inward, p in (((0, 2), inputs, 0.5), ((4, 5), torch.rand(200, 500) + 1, 0.25)):
        part = model.network[slice(*layers)]
        ratio = part(inward) / inward
        dropped = ratio == 0
        assert dropped.float().mean().item() == pytest.approx(p, abs=0.03)
        torch.testing.assert_close(ratio[~dropped], torch.full_like(ratio[~dropped], 1 / (1 - p)))
        part.eval()
        assert torch.equal(part(inward), inward)


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


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("in_features", 0),
        ("num_classes", 1),
        ("hidden", (3, 0)),
        ("hidden", 3),
        ("hidden", "200"),
        ("hidden", None),
        ("activation", "swish"),
        ("activation", None),
        ("output_activation", "tanh"),
        ("init", "zeros"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("input_dropout", math.nan),
        ("l1", -1e-3),
        ("l2", math.inf),
        pytest.param("monitor", "accuracy", marks=pytest.mark.xfail(strict=True, reason="RULES has it, nobody asks")),
    ],
)
def test_a_bad_argument_is_refused_by_its_name(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"in_features": 4, "num_classes": 3, argument: value}
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*; got "):
        MLPClassifier(**arguments)


def test_a_misspelt_activation_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"activation must be one of relu, .*got 'rleu'\. Did you mean relu\?"):
        MLPClassifier(4, 3, activation="rleu")  # type: ignore[arg-type]  # the point


def test_a_plain_lightning_checkpoint_is_loaded_as_plain_data(own_folder: Path) -> None:
    torch.manual_seed(6)
    optimizer = {"name": "SGD", "lr": 0.1, "momentum": 0.9}
    model = MLPClassifier(64, 10, hidden=(16,), activation="gelu", optimizer=optimizer, l2=1e-4)
    trainer = Trainer(max_epochs=1, limit_train_batches=3, limit_val_batches=1, **QUIET)
    trainer.fit(model, Digits(), weights_only=True)
    (path,) = own_folder.rglob("*.ckpt")
    loaded = MLPClassifier.load_from_checkpoint(path, weights_only=True)
    assert dict(loaded.hparams) == dict(model.hparams)
    assert loaded.hparams["optimizer"] == optimizer
    assert loaded.hparams["hidden"] == (16,)
    inputs = torch.randn(4, 64)
    assert torch.equal(loaded.eval()(inputs), model.eval()(inputs))


def test_works_under_lightnings_own_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["cli"])
    settings = ["--model.in_features=64", "--model.num_classes=10", "--model.hidden=[16, 8]", "--data.batch_size=50"]
    quiet = [f"--trainer.{name}={value}" for name, value in QUIET.items()]
    trainer = ["--trainer.max_steps=2", "--trainer.limit_val_batches=1", *quiet]
    cli = LightningCLI(MLPClassifier, Digits, args=["fit", *settings, *trainer], seed_everything_default=False)
    assert cli.trainer.global_step == 2
    assert [tuple(p.shape) for p in cli.model.parameters() if p.ndim == 2] == [(16, 64), (8, 16), (10, 8)]
    assert cli.datamodule.batch_size == 50
    assert {"val/accuracy", "val/loss"} <= cli.trainer.callback_metrics.keys()
