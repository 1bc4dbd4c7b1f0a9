"""Configured losses in complete runs: metrics, checkpoints, resuming, bias and variance."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.metrics import hinge_loss, log_loss
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

from gradexp import BreastCancer, MLPClassifier, SoftmaxRegression, run
from gradexp.engine.stack.batches import Samples
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.member import Member
from tests.command_line import call
from tests.run_folder import checkpoint

pytestmark = pytest.mark.slow

Array = npt.NDArray[np.float64]

SHORT = ("data=breast_cancer", "model.hidden=[8]", "trainer.max_epochs=2", "figures=false")
BALANCED = "loss.class_weight=balanced"


def held_out(folder: Path) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Inputs (scaled as in training) and classes of the test part."""
    inputs, targets = BreastCancer().tensors("test")
    scale = checkpoint(folder, "best")["BreastCancer"]["preprocessing"]
    return (inputs - scale["input_mean"]) / scale["input_std"], targets.numpy()


def probabilities_by_best(folder: Path) -> tuple[Array, npt.NDArray[np.int64]]:
    """Probabilities of the test part by the best checkpoint, and its classes."""
    model = MLPClassifier.load_from_checkpoint(folder / "checkpoints" / "best.ckpt", weights_only=True).eval()
    inputs, targets = held_out(folder)
    with torch.no_grad():
        return model.predictions(model(inputs)).double().numpy(), targets


def test_balanced_weights_come_from_the_training_part_and_are_in_the_checkpoint() -> None:
    result = run(*SHORT, BALANCED)
    weights = checkpoint(result.folder, "best")["state_dict"]["objective.loss.class_weight"].numpy()
    data = BreastCancer()
    data.setup("fit")
    expected = compute_class_weight("balanced", classes=np.arange(2), y=data.train_targets().numpy())
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    probabilities, targets = probabilities_by_best(result.folder)
    losses = -np.log(probabilities[np.arange(len(targets)), targets])
    assert result.metrics["test/loss"] == pytest.approx((losses * expected[targets]).mean(), rel=1e-4)
    tested = run("task=test", f"ckpt_path={result.folder}/checkpoints/best.ckpt", "figures=false")
    assert tested.metrics["test/loss"] == result.metrics["test/loss"]


def test_the_logged_hinge_equals_scikit_learns() -> None:
    result = run(*SHORT[:1], "model=logistic_regression", "loss=hinge", *SHORT[2:])
    saved = checkpoint(result.folder, "best")["state_dict"]
    inputs, targets = held_out(result.folder)
    scores = inputs @ saved["network.weight"][0] + saved["network.bias"]
    assert result.metrics["test/loss"] == pytest.approx(hinge_loss(targets, scores), rel=1e-4)
    assert {"train/loss", "val/loss", "val/accuracy"} <= result.metrics.keys()


def test_a_loss_typed_with_a_checkpoint_replaces_its_loss() -> None:
    trained = run(*SHORT, BALANCED, "loss.label_smoothing=0.1")
    best = f"ckpt_path={trained.folder}/checkpoints/best.ckpt", "figures=false"
    measured = run("task=test", *best, "loss.class_weight=null", "loss.label_smoothing=0").metrics
    probabilities, targets = probabilities_by_best(trained.folder)
    assert measured["test/loss"] == pytest.approx(log_loss(targets, probabilities[:, 1]), rel=1e-4)
    weighted = run("task=test", *best, "loss.class_weight=[2,2]", "loss.label_smoothing=0").metrics
    assert weighted["test/loss"] == pytest.approx(2 * measured["test/loss"], rel=1e-5)
    hinge = run("task=test", *best, "loss=hinge").metrics
    assert hinge["test/loss"] != measured["test/loss"]
    assert hinge["test/accuracy"] == measured["test/accuracy"] == trained.metrics["test/accuracy"]


@pytest.mark.parametrize("loss", [(BALANCED, "loss.label_smoothing=0.1"), ("loss=hinge", BALANCED)])
def test_a_run_resumed_in_mid_epoch_ends_bit_identically(loss: tuple[str, ...]) -> None:
    settings = (*SHORT[:2], "figures=false", "test=false", "data.batch_size=32", *loss)
    whole = run(*settings, "trainer.max_steps=20", "hydra.run.dir=whole")
    run(*settings, "trainer.max_steps=7", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_steps=20", "figures=false")
    for name, tensor in checkpoint(whole.folder)["state_dict"].items():
        assert torch.equal(tensor, checkpoint(resumed.folder)["state_dict"][name]), name
    assert resumed.metrics["train/loss"] == whole.metrics["train/loss"]


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        ("softmax_regression", ("loss.label_smoothing=0.2", BALANCED)),
        ("logistic_regression", ("loss=hinge", "loss.class_weight=[1,2]")),
    ],
)
def test_bias_and_variance_are_of_models_trained_with_the_configured_loss(model: str, loss: tuple[str, ...]) -> None:
    short = (*SHORT[:1], f"model={model}", "task=bias_variance", "resampling.copies=3", "data.repeat=5", *SHORT[2:])
    chosen, default = run(*short, *loss).metrics, run(*short).metrics
    assert chosen["status"] == "completed"
    assert chosen["val/sum"] == pytest.approx(chosen["val/error"], rel=1e-4)
    assert chosen["val/error"] != default["val/error"]


def test_copies_trained_together_equal_copies_trained_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(2, 12, 4, generator=generator), torch.arange(24).reshape(2, 12) % 3
    arguments: dict[str, Any] = {"loss": {"class_weight": [1.0, 2.0, 3.0], "label_smoothing": 0.1}}
    torch.manual_seed(0)
    models = [SoftmaxRegression(4, 3, **arguments) for _ in range(2)]
    expected = []
    for model, x, classes in zip(models, inputs, targets, strict=True):
        weight, bias = (parameter.detach().clone() for parameter in model.network.parameters())
        for _ in range(3):
            smoothed = 0.9 * torch.eye(3)[classes] + 0.1 / 3
            delta = ((x @ weight.T + bias).softmax(1) - smoothed) * torch.tensor([1.0, 2, 3])[classes].unsqueeze(1) / 12
            weight, bias = weight - 0.1 * delta.T @ x, bias - 0.1 * delta.sum(0)
        expected.append(weight)
    members = [
        Member(
            network=model.network, loss=model.loss, loss_module=model.objective.loss,
            optimizer=model.objective.build_optimizer(model), schedules=[], penalties={}, proximal=False,
            train=Samples(x, classes, lambda epoch: [torch.arange(12)]), val=None, seed=0, max_epochs=3,
            monitor="train/loss", mode="min",
        )
        for model, x, classes in zip(models, inputs, targets, strict=True)
    ]  # fmt: skip
    StackFit(members, {}).run()
    ends = [member.at_end.values[:12].view(3, 4) for member in members if member.at_end is not None]
    torch.testing.assert_close(torch.stack(ends), torch.stack(expected))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("loss=mse",), ["loss must fit MLPClassifier", "(loss=cross_entropy, hinge); got MSELoss"]),
        (("data=diabetes", "loss=hinge"), ["loss must fit MLPRegressor", "(loss=mse, l1, huber); got Hinge"]),
        (("loss=nll",), ["nll needs model.output_activation=log_softmax"]),
        (("loss.label_smoothing=1",), ["label_smoothing must be a number from 0 to below 1; got 1"]),
        (("loss.class_weight=[1,2]",), ["loss.class_weight must have 10 weights"]),
        (("loss._target_=torch.nn.CosineEmbeddingLoss",), ["loss must take outputs", "got CosineEmbeddingLoss: "]),
        (("loss=cross_entropy", "loss.label_smoothng=0.1"), ["loss.label_smoothng", "Did you mean label_smoothing?"]),
        (
            ("data=xor", "model=rosenblatt", "optimizer=sgd", "loss=bce"),
            ["loss must be default for Rosenblatt, which has a loss of its own; got BinaryCrossEntropy"],
        ),
    ],
)
def test_a_loss_that_does_not_fit_gets_one_message(
    overrides: tuple[str, ...], words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = str(call(monkeypatch, *overrides, "trainer.max_epochs=1", "figures=false"))
    for word in words:
        assert word in message
    assert "Traceback" not in message + capsys.readouterr().err
    assert all(torch.load(path, weights_only=True)["global_step"] == 0 for path in Path().rglob("*.ckpt"))
