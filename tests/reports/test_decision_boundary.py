"""DecisionBoundary: the regions against predictions by NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA

from gradexp import run
from gradexp.data import Blobs, BreastCancer, Digits, LinearData
from gradexp.models import LinearRegression, LogisticRegression, MLPClassifier, SoftmaxRegression
from gradexp.reports import DecisionBoundary
from gradexp.reports.decision_boundary import plane
from tests.callbacks.drawing import QUIET, Calls, record

NAMES = ["a", "b", "c"]


def fit(model: torch.nn.Module, data: object, folder: Path, classes: list[str], steps: int = 5) -> None:
    callbacks = [DecisionBoundary(classes)]
    trainer = Trainer(max_steps=steps, default_root_dir=folder, callbacks=callbacks, **QUIET)  # type: ignore[arg-type]
    trainer.fit(model, datamodule=data)  # type: ignore[arg-type]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return record(monkeypatch)


def test_the_regions_of_two_features_equal_numpys_predictions(calls: Calls, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SoftmaxRegression(2, 3)
    fit(model, Blobs(num_classes=3), tmp_path, NAMES)
    (call,) = calls["decision_boundary"]
    weight, bias = (parameter.detach().numpy() for parameter in model.parameters())
    for row, y in enumerate(call["y"]):
        logits = np.stack([call["x"], np.full_like(call["x"], y)], axis=1) @ weight.T + bias
        clear = np.diff(np.sort(logits, axis=1)[:, -2:], axis=1)[:, 0] > 1e-5
        np.testing.assert_array_equal(call["regions"][row][clear], logits.argmax(axis=1)[clear])
    assert set(np.unique(call["regions"])) == {0, 1, 2}
    assert call["axis_labels"] == ("x1", "x2")
    right = np.mean((call["points"] @ weight.T + bias).argmax(axis=1) == call["targets"])
    assert call["title"] == f"Predicted classes: {right:.2%} of 400 training samples are right"


@pytest.mark.filterwarnings("ignore:Total length of `list` across ranks is zero")  # no validation part
def test_every_sample_is_inside_the_axes(calls: Calls, tmp_path: Path) -> None:
    fit(SoftmaxRegression(2, 3), Blobs(num_classes=3, val_size=0), tmp_path, NAMES)
    (call,) = calls["decision_boundary"]
    inputs, targets = Blobs(num_classes=3).tensors("train")
    assert len(call["points"]) == len(inputs) == 500
    order = np.lexsort(call["points"].T)
    np.testing.assert_allclose(call["points"][order], inputs.numpy()[np.lexsort(inputs.numpy().T)])
    np.testing.assert_array_equal(np.bincount(call["targets"]), np.bincount(targets))
    for axis, points in enumerate((call["x"], call["y"])):
        assert points[0] < call["points"][:, axis].min()
        assert points[-1] > call["points"][:, axis].max()


def test_the_plane_of_many_features_is_that_of_two_principal_components() -> None:
    inputs = load_breast_cancer().data
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    origin, axes, labels = plane(torch.from_numpy(inputs).float())
    pca = PCA(2).fit(inputs)
    np.testing.assert_allclose(origin, pca.mean_, atol=1e-5)
    signs = np.sign(np.sum(axes.numpy() * pca.components_, axis=1))
    np.testing.assert_allclose(signs[:, None] * axes.numpy(), pca.components_, atol=1e-4)
    assert labels == ("first principal component", "second principal component")


def test_the_regions_of_many_features_are_predictions_on_the_plane(calls: Calls, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model, data = LogisticRegression(30), BreastCancer()
    fit(model, data, tmp_path, ["malignant", "benign"])
    (call,) = calls["decision_boundary"]
    inputs = data.sample(10_000)[0].double().numpy()
    components = PCA(2).fit(inputs)
    points = (inputs - inputs.mean(0)) @ components.components_.T
    signs = np.sign(np.sum(points * call["points"], axis=0))
    np.testing.assert_allclose(signs * call["points"], points, atol=1e-3)
    weight, bias = (parameter.detach().double().numpy() for parameter in model.parameters())
    for row, column in ((0, 0), (0, 249), (249, 0), (249, 249), (125, 125), (20, 200)):
        here = inputs.mean(0) + signs * [call["x"][column], call["y"][row]] @ components.components_
        logit = (here @ weight.T + bias).item()
        assert abs(logit) > 1e-3, "the point is not on the boundary"
        assert call["regions"][row, column] == (logit > 0)


def test_images_and_regressions_have_no_decision_boundary(calls: Calls, tmp_path: Path) -> None:
    fit(MLPClassifier(64, 10), Digits(), tmp_path, [str(digit) for digit in range(10)])
    fit(LinearRegression(2), LinearData((1.0, 2.0), val_size=50), tmp_path, [])
    fit(MLPClassifier(1, 2), Blobs(num_features=1), tmp_path, ["a", "b"])
    assert not calls["decision_boundary"]
    assert not (tmp_path / "figures").exists()


def test_the_decision_boundary_of_exclusive_or_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    run("+experiment=xor", "trainer.max_epochs=1")
    (call,) = calls["decision_boundary"]
    assert call["classes"] == ["0", "1"]
    assert len(call["points"]) == 4
    assert (call["x"][0], call["x"][-1]) == pytest.approx((-0.1, 1.1))


@pytest.mark.filterwarnings("ignore:Total length of `list` across ranks is zero")  # no validation part
def test_a_single_sample_of_many_features_works(calls: Calls, tmp_path: Path) -> None:
    data = Blobs(num_features=3, num_samples=1, batch_size=1, val_size=0)
    fit(MLPClassifier(3, 2), data, tmp_path, ["a", "b"])


def test_a_descent_on_a_function_draws_no_regions_of_its_unused_data(own_folder: Path) -> None:
    short = ("trainer.max_epochs=1", "+trainer.limit_train_batches=1", "test=false", "figures=true")
    assert run("+experiment=saddle", "data=four_blobs", *short).metrics["status"] == "completed"
