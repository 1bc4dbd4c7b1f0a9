"""Figures of a regression show the given numbers."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from gradexp.figures import coefficients, fitted_lines, loss_along_weight, predicted_against_true
from tests.figures.rendering import curves_in, render

Array = npt.NDArray[np.float64]
X, Y = np.array([1.0, 3.0, 2.0]), np.array([2.5, 6.5, 4.0])


def dots(axes: Axes) -> Array:
    """The points of the one scatter plot [points, 2]."""
    (scatter,) = axes.collections
    return np.asarray(scatter.get_offsets(), dtype=float)


def test_lines_span_the_samples() -> None:
    figure = fitted_lines(X, Y, {"learned": (2.0, 0.5), "truth": (2.0, -1.0)}, "title")
    render(figure)
    (axes,) = figure.axes
    np.testing.assert_array_equal(dots(axes), np.stack([X, Y], axis=1))
    curves = curves_in(axes)
    np.testing.assert_allclose(curves["learned: 2 x + 0.5"], [[1, 2.5], [3, 6.5]])
    np.testing.assert_allclose(curves["truth: 2 x \N{MINUS SIGN} 1"], [[1, 1], [3, 5]])
    legend = axes.get_legend()
    assert legend is not None
    assert "3 samples" in [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_bars_are_side_by_side_at_their_names(number: int) -> None:
    names = ["w1", "w2", "b"]
    values = {f"who {n}": np.array([1.0, -2.0, 0.5]) * (n + 1) for n in range(number)}
    figure = coefficients(names, values, "title")
    render(figure)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    edges = []
    for bars, heights in zip(axes.containers, values.values(), strict=True):
        assert isinstance(bars, BarContainer)
        assert [bar.get_height() for bar in bars] == list(heights)
        for place, bar in enumerate(bars):
            assert place - 0.5 < bar.get_x() < bar.get_x() + bar.get_width() < place + 0.5
        edges.append((bars[0].get_x(), bars[0].get_x() + bars[0].get_width()))
    for (_, right), (left, _) in pairwise(edges):
        assert right == pytest.approx(left), "no bar hides another"


def test_predictions_are_plotted_over_targets_with_the_diagonal() -> None:
    figure = predicted_against_true(Y + 1, Y, "title")
    render(figure)
    (axes,) = figure.axes
    np.testing.assert_array_equal(dots(axes), np.stack([Y, Y + 1], axis=1))
    np.testing.assert_array_equal(curves_in(axes)["predicted = true"], [[2.5, 2.5], [7.5, 7.5]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true", "predicted")


def test_loss_along_weight_shows_the_loss_and_the_steps() -> None:
    weights = np.linspace(-1, 3, 9)
    path = np.array([0.0, 1.5, 2.0])
    figure = loss_along_weight(weights, (weights - 2) ** 2, path, (path - 2) ** 2, "title")
    render(figure)
    (axes,) = figure.axes
    curves = curves_in(axes)
    np.testing.assert_array_equal(curves["loss over all samples"], np.stack([weights, (weights - 2) ** 2], axis=1))
    np.testing.assert_array_equal(curves["2 steps"], [[0, 4], [1.5, 0.25], [2, 0]])
    np.testing.assert_array_equal(curves["start, w = 0"], [[0, 4]])
    np.testing.assert_array_equal(curves["end, w = 2"], [[2, 0]])


def test_single_sample_is_drawn() -> None:
    one = np.array([1.0])
    render(fitted_lines(one, one, {"learned": (1.0, 0.0)}, "title"))
    render(predicted_against_true(one, one, "title"))
    render(loss_along_weight(one, one, one, one, "title"))
    render(coefficients(["w"], {"learned": one}, "title"))
