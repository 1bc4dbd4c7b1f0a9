"""Data with real targets: a regressor replaces the default model; test and predict use the checkpoint's settings."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from omegaconf.errors import ReadonlyConfigError
from sklearn.datasets import load_breast_cancer, load_diabetes

from gradexp import Result, compose, run
from gradexp.app.tasks.adapt import adapt
from gradexp.configuration.values import plain
from gradexp.data import Blobs, Diabetes, LinearData
from tests.command_line import call
from tests.run_folder import checkpoint

SHORT = ("data.repeat=20", "trainer.max_epochs=1", "figures=false")
Array = npt.NDArray[np.float64]


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader((result.folder / "predictions.csv").read_text().splitlines()))


def best(result: Result) -> Path:
    return result.folder / "checkpoints" / "best.ckpt"


def linear_predictions(result: Result) -> Array:
    """Predictions for the diabetes test patients in the target's units, by NumPy."""
    saved = checkpoint(result.folder, "best")
    weight, bias = (saved["state_dict"][f"network.{name}"].double().numpy() for name in ("weight", "bias"))
    scale = {name: values.double().numpy() for name, values in saved["Diabetes"]["preprocessing"].items()}
    inputs = (load_diabetes(scaled=False).data[4::5] - scale["input_mean"]) / scale["input_std"]
    predicted: Array = (inputs @ weight[0] + bias) * scale["target_std"] + scale["target_mean"]
    return predicted


def test_real_targets_get_a_regressor_of_the_same_layers() -> None:
    result = run("data=diabetes", *SHORT, "model.hidden=[7,5]", "model.activation=tanh")
    saved = checkpoint(result.folder)
    assert saved["config"]["model"]["_target_"] == "gradexp.models.MLPRegressor"
    assert "output_activation" not in saved["config"]["model"]
    shapes = [tuple(tensor.shape) for name, tensor in saved["state_dict"].items() if name.endswith("weight")]
    assert shapes == [(7, 10), (5, 7), (1, 5)]
    assert result.metrics["monitor"] == "val/loss"
    assert "best/val/loss" in result.metrics


@pytest.mark.parametrize(
    ("overrides", "monitor", "expected"),
    [
        (("data=diabetes",), "val/loss", ["the model is MLPRegressor", "monitor is val/loss"]),
        (
            ("data=diabetes", "data.val_size=0"),
            "train/loss",
            ["the model is MLPRegressor", "monitor is val/loss", "monitor is train/loss"],
        ),
        (("data=diabetes", "model=linear_regression"), "val/loss", ["monitor is val/loss"]),
        (("data=diabetes", "model=mlp_regressor", "monitor=val/r2"), "val/r2", []),
        (("data=blobs",), "val/accuracy", []),
        (("data=blobs", "data.val_size=0"), "train/accuracy", ["monitor is train/accuracy"]),
        (("data=blobs", "data.val_size=0", "monitor=train/loss"), "train/loss", []),
    ],
)
def test_each_change_is_reported_once(overrides: tuple[str, ...], monitor: str, expected: list[str]) -> None:
    cfg = compose(*overrides)
    kind = Blobs if "data=blobs" in overrides else Diabetes
    data = kind(val_size=cfg.data.val_size)
    before = plain(cfg)
    adapted, notes = adapt(cfg, data)
    assert plain(cfg) == before, "the input configuration is unchanged"
    assert adapted.monitor == monitor
    assert len(notes) == len(expected)
    for note, words in zip(notes, expected, strict=True):
        assert words in note
    again, nothing = adapt(adapted, data)
    assert (again, nothing) == (adapted, [])
    with pytest.raises(ReadonlyConfigError):
        adapted.seed = 1


def test_the_changes_are_printed_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "data=diabetes", *SHORT, "data.val_size=0") is None
    out, err = capsys.readouterr()
    for words in ("the model is MLPRegressor", "monitor is val/loss", "monitor is train/loss"):
        assert out.count(words) == 1
    assert err == ""


def test_a_checkpoint_suffices_to_test_and_predict_in_the_targets_units() -> None:
    trained = run("+experiment=diabetes", *SHORT)
    tested = run("task=test", f"ckpt_path={best(trained)}", "figures=false")
    for name in ("test/loss", "test/mse", "test/r2"):
        assert tested.metrics[name] == trained.metrics[name]
    table = rows(run("task=predict", f"ckpt_path={best(trained)}"))
    assert list(table[0]) == ["sample", "true", "prediction"]
    assert [row["sample"] for row in table] == [f"test/{number}" for number in range(88)]
    predicted = np.array([float(row["prediction"]) for row in table])
    np.testing.assert_allclose(predicted, linear_predictions(trained), rtol=1e-4)
    targets = load_diabetes().target[4::5]
    assert [float(row["true"]) for row in table] == targets.tolist()
    r2 = 1 - np.mean((predicted - targets) ** 2) / targets.var()
    assert trained.metrics["test/r2"] == pytest.approx(r2, abs=1e-4)


def test_an_adapted_run_can_be_tested_predicted_and_resumed() -> None:
    settings = ("data=diabetes", *SHORT, "model.hidden=[8]")
    trained = run(*settings, "hydra.run.dir=part")
    tested = run("task=test", f"ckpt_path={best(trained)}", "figures=false")
    assert tested.metrics["test/loss"] == trained.metrics["test/loss"]
    assert len(rows(run("task=predict", f"ckpt_path={best(trained)}"))) == 88
    whole = run(*settings, "trainer.max_epochs=2", "hydra.run.dir=whole")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_epochs=2", "figures=false")
    assert resumed.metrics["train/loss"] == whole.metrics["train/loss"]
    assert not any("MLPRegressor" in note for note in resumed.notes), (
        "the checkpoint's configuration is already adapted"
    )


def test_predictions_of_unscaled_targets_are_unscaled() -> None:
    trained = run("+experiment=linear_regression", *SHORT)
    predicted = [float(row["prediction"]) for row in rows(run("task=predict", f"ckpt_path={best(trained)}"))]
    weight, bias = (checkpoint(trained.folder, "best")["state_dict"][f"network.{n}"].item() for n in ("weight", "bias"))
    inputs = LinearData().tensors("test")[0].double().numpy()
    np.testing.assert_allclose(predicted, inputs[:, 0] * weight + bias, rtol=1e-5)


def test_binary_predictions_are_the_class_and_its_probability() -> None:
    trained = run("+experiment=logistic_regression", *SHORT)
    table = rows(run("task=predict", f"ckpt_path={best(trained)}"))
    each = ["probability_malignant", "probability_benign"]
    assert list(table[0]) == ["sample", "true_class", "class", "probability", *each]
    saved = checkpoint(trained.folder, "best")
    weight, bias = (saved["state_dict"][f"network.{name}"].double().numpy() for name in ("weight", "bias"))
    scale = {name: values.double().numpy() for name, values in saved["BreastCancer"]["preprocessing"].items()}
    tumours = load_breast_cancer()
    logits = ((tumours.data[4::5] - scale["input_mean"]) / scale["input_std"]) @ weight[0] + bias
    benign = 1 / (1 + np.exp(-logits))
    assert [row["class"] for row in table] == list(np.where(benign > 0.5, "benign", "malignant"))
    assert [row["true_class"] for row in table] == list(np.where(tumours.target[4::5], "benign", "malignant"))
    for name, expected in zip(each, (1 - benign, benign), strict=True):
        np.testing.assert_allclose([float(row[name]) for row in table], expected, atol=1e-5)
    np.testing.assert_allclose([float(row["probability"]) for row in table], np.maximum(benign, 1 - benign), atol=1e-5)
    accuracy = np.mean((benign > 0.5) == tumours.target[4::5])
    assert trained.metrics["test/accuracy"] == pytest.approx(accuracy)


def test_data_that_reads_no_files_refuses_an_input_file(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = run("+experiment=diabetes", *SHORT)
    Path("patients.csv").write_text("age\n1\n")
    message = str(call(monkeypatch, "task=predict", f"ckpt_path={best(trained)}", "input=patients.csv"))
    assert "input must be null for Diabetes, which reads no files; got patients.csv" in message
