"""FunctionDescent against optimizers written out in NumPy."""

from typing import Any

import numpy as np
import pytest

from gradexp.data import NoData
from gradexp.models import FunctionDescent
from gradexp.models.surfaces import SURFACES
from tests.models.fitting import Array, Recorder, as_numpy, fitted

STEPS = 40


def gradient(point: Array) -> Array:
    """The gradient of Himmelblau's (x^2 + y - 11)^2 + (x + y^2 - 7)^2."""
    x, y = point
    a, b = x**2 + y - 11, x + y**2 - 7
    return np.array([4 * a * x + 2 * b, 2 * a + 4 * b * y])


def value(point: Array) -> float:
    x, y = point
    return float((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)


def adam(start: Array, lr: float) -> list[Array]:
    """Kingma and Ba's algorithm 1."""
    points, m, v = [start], np.zeros(2), np.zeros(2)
    for t in range(1, STEPS + 1):
        g = gradient(points[-1])
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        points.append(points[-1] - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))
    return points


def descent(start: Array, lr: float) -> list[Array]:
    points = [start]
    for _ in range(STEPS):
        points.append(points[-1] - lr * gradient(points[-1]))
    return points


@pytest.mark.parametrize("start", [(0.0, 0.0), (-4.0, 1.5)])
@pytest.mark.parametrize(("optimizer", "lr"), [("Adam", 0.1), ("SGD", 0.005)])
def test_every_point_of_the_descent_equals_numpys(optimizer: str, lr: float, start: tuple[float, float]) -> None:
    model, recorder = (
        FunctionDescent("himmelblau", start, optimizer={"_target_": f"torch.optim.{optimizer}", "lr": lr}),
        Recorder(),
    )
    trainer = fitted(model, NoData(repeat=STEPS), callbacks=[recorder])
    expected = (adam if optimizer == "Adam" else descent)(np.array(start), lr)
    np.testing.assert_allclose(recorder.rows, expected, rtol=1e-10, atol=1e-12)
    # The mean of the values before each step.
    mean = np.mean([value(point) for point in expected[:-1]])
    assert trainer.callback_metrics["train/loss"].item() == pytest.approx(mean, rel=1e-6)


def test_several_steps_at_once_end_at_the_same_point() -> None:
    ends = []
    for at_once in (1, 20):
        model = FunctionDescent("himmelblau", optimizer={"_target_": "torch.optim.Adam", "lr": 0.05})
        trainer = fitted(model, NoData(repeat=100, steps_per_execution=at_once), log_every_n_steps=20)
        assert trainer.global_step == 100
        ends.append(as_numpy(model.network.get_parameter("point")))
    np.testing.assert_array_equal(ends[0], ends[1])


@pytest.mark.parametrize("name", SURFACES)
def test_the_descent_starts_at_the_given_or_the_usual_point(name: str) -> None:
    default, chosen = FunctionDescent(name), FunctionDescent(name, start=[0.5, -1])
    np.testing.assert_allclose(as_numpy(default.network.get_parameter("point")), SURFACES[name].start, rtol=1e-6)
    np.testing.assert_array_equal(as_numpy(chosen.network.get_parameter("point")), [0.5, -1])


def test_an_unknown_surface_raises_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"model.surface must be one of himmelblau, .*Did you mean rosenbrock\?"):
        FunctionDescent("rosenbrok")


@pytest.mark.parametrize("start", [[1.0], [1.0, 2.0, 3.0], 1.0, "12", [1.0, float("nan")], ["a", "b"]])
def test_a_start_that_is_not_a_point_raises(start: Any) -> None:
    with pytest.raises(ValueError, match=r"start must be a pair \[x, y\] of finite numbers, or null; got "):
        FunctionDescent("saddle", start=start)
