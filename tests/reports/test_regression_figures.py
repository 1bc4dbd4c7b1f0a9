"""RegressionFigures: predictions and targets of the test part in the targets' original units."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from gradexp import run
from tests.callbacks.drawing import drawn, record
from tests.run_folder import checkpoint

SHORT = ("+experiment=diabetes", "data.repeat=50", "trainer.max_epochs=1")


def test_predictions_and_targets_are_in_the_original_units(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run(*SHORT)
    (call,) = calls["predicted_against_true"]
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    np.testing.assert_allclose(call["true"], targets[4::5], rtol=1e-5)
    best = checkpoint(result.folder, "best")
    scales = {name: scale.double().numpy() for name, scale in best["Diabetes"]["preprocessing"].items()}
    weight, bias = (best["state_dict"][f"network.{name}"].double().numpy() for name in ("weight", "bias"))
    standard = (inputs[4::5] - scales["input_mean"]) / scales["input_std"]
    predicted = (standard @ weight[0] + bias) * scales["target_std"] + scales["target_mean"]
    np.testing.assert_allclose(call["predicted"], predicted, rtol=1e-4)
    assert call["title"] == "Predictions of 88 test samples"
    r2 = 1 - np.mean((predicted - targets[4::5]) ** 2) / targets[4::5].var()
    assert result.metrics["test/r2"] == pytest.approx(r2, abs=1e-4)


def test_a_test_of_the_checkpoint_draws_the_same_figure() -> None:
    trained = run(*SHORT)
    tested = run("task=test", f"ckpt_path={trained.folder}/checkpoints/best.ckpt")
    assert list(drawn(tested.folder)) == ["test_predicted_against_true"]
    np.testing.assert_array_equal(
        drawn(tested.folder)["test_predicted_against_true"], drawn(trained.folder)["test_predicted_against_true"]
    )


def test_a_classifier_has_no_such_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    run("+experiment=xor", "trainer.max_epochs=1")
    assert not calls["predicted_against_true"]
    assert calls["confusion_matrix"]


def test_without_figures_nothing_is_drawn() -> None:
    result = run(*SHORT, "figures=false")
    assert not (result.folder / "figures").exists()
    assert {"test/loss", "test/mse", "test/r2"} <= result.metrics.keys()
