"""Figures of a classifier show the given numbers."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.collections import PathCollection, QuadMesh

from gradexp.figures import accuracy_and_loss, decision_boundary
from tests.figures.rendering import curves_in, legend_of, render

Array = npt.NDArray[np.float64]

X, Y = np.linspace(-1, 1, 5), np.linspace(0, 3, 4)
MOVES = {move: (-math.log(move[0]), -math.log(move[1])) for move in ((0.4, 0.45), (0.499, 0.501))}


@pytest.mark.parametrize("classes", [2, 3, 10, 15])
def test_regions_and_samples_of_a_class_have_the_same_colour(classes: int) -> None:
    rng = np.random.default_rng(0)
    regions = rng.integers(classes, size=(4, 5))
    points, targets = rng.uniform((-1, 0), (1, 3), size=(60, 2)), np.arange(60) % classes
    names = [f"class {number}" for number in range(classes)]
    figure = decision_boundary(X, Y, regions, points, targets, names, ("x1", "x2"), "title")
    render(figure)
    (axes,) = figure.axes
    (mesh,) = [drawn for drawn in axes.collections if isinstance(drawn, QuadMesh)]
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(4, 5), regions)
    scatters = [drawn for drawn in axes.collections if isinstance(drawn, PathCollection)]
    assert [str(drawn.get_label()) for drawn in scatters] == names
    colours = []
    for number, drawn in enumerate(scatters):
        np.testing.assert_array_equal(np.asarray(drawn.get_offsets()), points[targets == number])
        colour = np.asarray(drawn.get_facecolor())[0]
        np.testing.assert_allclose(colour[:3], mesh.to_rgba(np.array([number]))[0][:3])
        colours.append(tuple(colour))
    assert len(set(colours)) == classes
    assert (axes.get_xlim(), axes.get_ylim()) == ((-1, 1), (0, 3))


def test_class_without_samples_is_drawn() -> None:
    regions, points = np.zeros((4, 5), dtype=int), np.zeros((3, 2))
    render(decision_boundary(X, Y, regions, points, np.zeros(3, dtype=int), ["a", "b"], ("x1", "x2"), "title"))


def test_accuracy_and_loss_shows_the_given_curves_and_moves() -> None:
    weights = np.linspace(-1, 1, 11)
    accuracy, loss = (weights > 0).astype(float), weights**2
    figure = accuracy_and_loss(weights, accuracy, loss, 0.3, "weight 7", MOVES)
    render(figure)
    left, right, smooth = figure.axes
    np.testing.assert_array_equal(curves_in(left)["accuracy: flat, then a jump"][:, 1], accuracy)
    np.testing.assert_array_equal(curves_in(left)["learned"][:, 0], [0.3, 0.3])
    np.testing.assert_array_equal(
        curves_in(smooth)["cross-entropy: a slope everywhere"], np.stack([weights, loss], axis=1)
    )
    assert left.get_xlabel() == "weight 7"
    one: Array = curves_in(right)["accuracy of the sample"]
    np.testing.assert_array_equal(one[:, 1], one[:, 0] > 0.5)
    assert [text.get_text() for text in right.texts] == ["A", "B"], "the numbers are in the legend, clear of the lines"
    to = "\N{RIGHTWARDS ARROW}"
    steps = [" ".join(label.split()) for label in legend_of(right)[2:]]
    assert steps[0] == f"A: p 0.4 {to} 0.45, accuracy 0 {to} 0, cross-entropy 0.9163 {to} 0.7985"
    assert steps[1] == f"B: p 0.499 {to} 0.501, accuracy 0 {to} 1, cross-entropy 0.6951 {to} 0.6911"
