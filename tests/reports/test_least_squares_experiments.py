"""LeastSquaresReport on the other linear experiments: one weight online, and a plane by mini-batches."""

import numpy as np
import pytest

from gradexp import run
from gradexp.data import LinearData
from tests.callbacks.drawing import Calls, assert_drawn_and_shown, record


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return record(monkeypatch, quick=False)


def online_weights(epochs: int) -> list[float]:
    """The weight before the first sample and after each; the gradient of (w x - 2 x)^2 is 2 x^2 (w - 2)."""
    weights = [1.0]
    for _ in range(epochs):
        for x in (1.0, 2.0, 3.0):
            weights.append(weights[-1] - 0.01 * 2 * x * x * (weights[-1] - 2))
    return weights


def test_one_weight_is_updated_by_the_samples_in_order(calls: Calls) -> None:
    run("+experiment=online_line", "trainer.max_epochs=4")
    path = calls["loss_along_weight"][0]["path"]
    np.testing.assert_allclose(path[:4], [1, 1.02, 1.0984, 1.260688], rtol=1e-6)
    np.testing.assert_allclose(path, online_weights(4), rtol=1e-6)


def test_the_path_of_one_weight_and_its_losses_equal_the_formula(calls: Calls) -> None:
    result = run("+experiment=online_line", "trainer.max_epochs=4")
    weights = online_weights(4)
    (call,) = calls["loss_along_weight"]
    np.testing.assert_allclose(call["path"][::3], weights[::3], rtol=1e-6)
    np.testing.assert_allclose(call["path_losses"], (call["path"] - 2) ** 2 * (1 + 4 + 9) / 3, rtol=1e-4)
    np.testing.assert_allclose(call["losses"], (call["weights"] - 2) ** 2 * 14 / 3, atol=1e-9)
    assert result.metrics["learned/w"] == pytest.approx(weights[-1])
    assert result.metrics["optimization_error/w"] == pytest.approx(2 - weights[-1], rel=1e-4)
    assert "learned/b" not in result.metrics
    assert "slowest_direction/remains" not in result.metrics, "the formula is for full batches"
    (fit,) = calls["fitted_lines"]
    assert fit["lines"] == {"learned": (pytest.approx(weights[-1]), 0), "least squares": (pytest.approx(2), 0)}
    assert_drawn_and_shown(result.folder, "fit", "path", "loss_curve", "test_predicted_against_true")


def test_a_plane_is_found_in_three_epochs_of_mini_batches(calls: Calls) -> None:
    result = run("+experiment=linear_multivariate")
    metrics = result.metrics
    data = LinearData([2.0, -3.4], 4.2, noise=0.01, distribution="normal", num_samples=1000)
    inputs, targets = (tensor.double().numpy() for tensor in data.tensors("train"))
    design = np.hstack([inputs, np.ones((1000, 1))])
    solution = np.linalg.lstsq(design, targets[:, 0], rcond=None)[0]
    assert metrics["steps"] == 3 * 32
    for name, truth, best in zip(("w1", "w2", "b"), (2.0, -3.4, 4.2), solution, strict=True):
        assert metrics[f"sampling_error/{name}"] == pytest.approx(truth - best, abs=1e-6)
        assert metrics[f"optimization_error/{name}"] == pytest.approx(best - metrics[f"learned/{name}"], abs=1e-6)
        parts = metrics[f"sampling_error/{name}"] + metrics[f"optimization_error/{name}"]
        assert metrics[f"bias/{name}"] == pytest.approx(parts, rel=1e-12)
        assert abs(metrics[f"bias/{name}"]) < 0.02
    (bars,) = calls["coefficients"]
    assert list(bars["names"]) == ["w1", "w2", "b"]
    np.testing.assert_allclose(bars["values"]["truth"], [2, -3.4, 4.2], rtol=1e-6)
    np.testing.assert_allclose(bars["values"]["least squares"], solution, rtol=1e-6)
    assert_drawn_and_shown(result.folder, "coefficients", "loss_curve", "test_predicted_against_true")
