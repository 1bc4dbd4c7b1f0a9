"""MLPClassifier's arguments: initial weights, invalid values, Lightning's checkpoints and command line."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningCLI
from torch import nn

from gradexp import Digits, MLPClassifier, MLPFromScratch

QUIET: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}
QUIET |= {"log_every_n_steps": 1}


@pytest.mark.parametrize(
    ("init", "std"),
    [
        ("lecun_normal", math.sqrt(1 / 400)),
        ("kaiming_normal", math.sqrt(2 / 400)),
        ("xavier_uniform", math.sqrt(2 / (400 + 1600))),
        ("normal", 1.0),
    ],
)
def test_initial_weights_have_the_std_of_their_formula_and_biases_are_zero(init: Any, std: float) -> None:
    torch.manual_seed(2)
    layer = MLPClassifier(in_features=400, num_classes=2, hidden=(1600,), init=init).network.get_submodule("linear_1")
    assert isinstance(layer, nn.Linear)
    assert layer.weight.std().item() == pytest.approx(std, rel=0.01)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.01 * std)
    # Uniform values are within sqrt(3) standard deviations; some of 640,000 normal ones are beyond four.
    reach = layer.weight.abs().max().item() / std
    assert reach <= math.sqrt(3) + 1e-6 if init == "xavier_uniform" else reach > 4
    assert not layer.bias.any()


def test_default_initial_values_are_torchs_own() -> None:
    torch.manual_seed(3)
    model = MLPClassifier(in_features=8, num_classes=3, hidden=(5,))
    torch.manual_seed(3)
    layers = [nn.Linear(8, 5), nn.Linear(5, 3)]
    expected = [parameter for layer in layers for parameter in layer.parameters()]
    assert all(map(torch.equal, model.parameters(), expected))
    assert all(parameter.any() for parameter in expected)


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
        ("monitor", "accuracy"),
    ],
)
def test_a_bad_argument_raises_with_its_name(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"in_features": 4, "num_classes": 3, argument: value}
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*; got "):
        MLPClassifier(**arguments)


def test_a_misspelt_activation_raises_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"activation must be one of relu, .*got 'rleu'\. Did you mean relu\?"):
        MLPClassifier(4, 3, activation="rleu")


def test_a_plain_lightning_checkpoint_loads_with_weights_only(own_folder: Path) -> None:
    torch.manual_seed(6)
    optimizer = {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9}
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
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # Lightning uses a deprecated name
    settings = ["--model.in_features=64", "--model.num_classes=10", "--model.hidden=[16, 8]", "--data.batch_size=50"]
    quiet = [f"--trainer.{name}={value}" for name, value in QUIET.items()]
    trainer = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=2", *quiet]
    cli = LightningCLI(MLPClassifier, Digits, args=["fit", *settings, *trainer], seed_everything_default=False)
    assert cli.trainer.global_step == 2
    assert [tuple(p.shape) for p in cli.model.parameters() if p.ndim == 2] == [(16, 64), (8, 16), (10, 8)]
    assert cli.datamodule.batch_size == 50
    assert {"val/accuracy", "val/loss"} <= cli.trainer.callback_metrics.keys()


@pytest.mark.parametrize("activation", ["torch.nn.Hardswish", "torch.nn.PReLU", "torch.nn.RReLU"])
def test_an_activation_given_by_path_follows_every_hidden_layer(activation: str) -> None:
    model = MLPClassifier(4, 3, hidden=(5, 6), activation=activation)
    kind = getattr(nn, activation.rpartition(".")[2])
    activations = [layer for layer in model.network.modules() if isinstance(layer, kind)]
    assert len(activations) == 2
    assert activations[0] is not activations[1]
    assert all(layer.training for layer in activations)
    again = MLPClassifier(**model.hparams)
    again.load_state_dict(model.state_dict())
    inputs = torch.randn(3, 4)
    assert torch.equal(again.eval()(inputs), model.eval()(inputs))


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("os.system", r"activation must name a class in a trusted package \(torch\.nn\); got os\.system"),
        ("torch.nn.Linear", r"model\.activation must be a class without arguments; got torch\.nn\.Linear"),
        ("torch.nn.Module", r"model\.activation must name an activation"),
        ("torch.nn.Hardswitch", r"model\.activation must name an activation.*Did you mean Hardswish\?"),
        ("torch.nn.functional.relu", r"model\.activation must name an activation"),
        ("torch.nn.GLU", r"model\.activation must keep the shape of its inputs; got torch\.nn\.GLU"),
        ("torch.nn.MSELoss", r"model\.activation must take outputs \[batch, units\]; got torch\.nn\.MSELoss"),
        ("torch.nn.MaxPool2d", r"model\.activation must"),
        ("torch.nn.init.zeros_", r"model\.activation must name an activation"),
    ],
)
def test_a_path_that_is_not_an_activation_raises(activation: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLPClassifier(4, 3, hidden=(6,), activation=activation, trusted_packages=[])


@pytest.mark.parametrize("model", [MLPClassifier, MLPFromScratch])
@pytest.mark.parametrize("init", ["torch.nn.init.orthogonal_", "torch.nn.init.xavier_normal_", "torch.nn.init.eye_"])
def test_initial_weights_by_a_function_of_torch(init: str, model: Any) -> None:
    torch.manual_seed(5)
    weights = [p for p in model(6, 3, hidden=(4,), init=init).parameters() if p.ndim == 2]
    biases = [p for p in model(6, 3, hidden=(4,), init=init).parameters() if p.ndim == 1]
    torch.manual_seed(5)
    _ = model(6, 3, hidden=(4,), init="default")  # the models first draw the default weights
    expected = [getattr(nn.init, init.rpartition(".")[2])(torch.empty_like(weight)) for weight in weights]
    assert all(map(torch.equal, weights, expected))
    assert not any(bias.any() for bias in biases)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("os.system", r"model\.init must name a function in a trusted package \(torch\.nn\.init\); got os\.system"),
        ("torch.nn.init.dirac_", r"model\.init must be a function of a layer's weight alone; got torch"),
        ("torch.nn.init.constant_", r"model\.init must be a function of a layer's weight alone"),
        ("torch.nn.init.calculate_gain", r"model\.init must be a function of a layer's weight alone"),
        ("torch.nn.init._calculate_fan_in_and_fan_out", r"model\.init must fill a layer's weight in place"),
        ("torch.nn.init.ortogonal_", r"model\.init must name a function.*Did you mean orthogonal_\?"),
        ("torch.nn.init.torch", r"model\.init must name a function"),
        ("torch.nn.functional.relu_", r"model\.init must name a function in a trusted package"),
    ],
)
def test_a_path_that_is_not_an_initialisation_raises(init: str, message: str) -> None:
    for model in (MLPClassifier, MLPFromScratch):
        with pytest.raises(ValueError, match=message):
            model(4, 3, hidden=(6,), init=init, trusted_packages=[])


def test_an_initialisation_from_a_trusted_package_is_used() -> None:
    model = MLPClassifier(4, 3, hidden=(6,), init="tests.models.test_mlp_arguments.twos_", trusted_packages=["tests"])
    assert all((weight == 2).all() for weight in model.parameters() if weight.ndim == 2)


def twos_(weight: torch.Tensor) -> torch.Tensor:
    return nn.init.constant_(weight, 2.0)
