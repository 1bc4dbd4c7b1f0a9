"""The confusion matrix and images show the given numbers."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from gradexp import figures
from gradexp.figures.output import figures_as
from tests.figures.rendering import render


def test_confusion_matrix_shows_its_counts() -> None:
    counts = np.array([[8, 2, 0], [0, 5, 1], [3, 0, 1]])
    figure = figures.confusion_matrix(counts, ["cat", "dog", "eel"])
    render(figure)
    (axes,) = figure.axes
    shown = np.zeros_like(counts)
    for text in axes.texts:
        column, row = (int(place) for place in text.get_position())
        shown[row, column] = int(text.get_text())
    np.testing.assert_array_equal(shown, counts)
    assert len(axes.texts) == np.count_nonzero(counts)
    assert figure.get_suptitle() == "Confusion matrix: accuracy 70.00%"  # 14 of 20 on the diagonal
    assert axes.get_xlabel() == "predicted (colour: share of the true class)"
    assert axes.get_ylabel() == "true"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "eel"]
    shares = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0], [0, 5 / 6, 1 / 6], [0.75, 0, 0.25]])


@pytest.mark.parametrize("name", ["$a_$", "a$", "$", "[/b]", "%s {x} \\frac"])
def test_names_from_the_users_data_are_drawn_as_they_are(name: str) -> None:
    square, two = np.zeros((2, 2), dtype=int), np.zeros((2, 2))
    line = np.arange(2.0)
    drawn = [
        figures.confusion_matrix(square, [name, "b"]),
        figures.image_grid(two.reshape(1, 1, 2, 2), [name], "heading"),
        figures.coefficients([name, "b"], {"ours": line}, "title"),
        figures.decision_boundary(line, line, square, two, np.arange(2), [name, "b"], (name, name), "title"),
        figures.paths_over_contours(line, line, two + line, {"run": two}, {}, "title", (name, name)),
    ]
    for figure in drawn:
        render(figure)
        shown = {text.get_text().replace(r"\$", "$") for text in figure.findobj(Text)}
        assert name in shown


def test_confusion_matrix_of_empty_or_many_classes_is_drawn() -> None:
    empty = figures.confusion_matrix(np.zeros((2, 2), dtype=int), ["a", "b"])
    render(empty)
    assert empty.get_suptitle() == "Confusion matrix: accuracy 0.00%"
    many = figures.confusion_matrix(np.eye(31, dtype=int), [str(number) for number in range(31)])
    render(many)
    assert not many.axes[0].texts
    for size, width in (("column", 3.3), (None, 17.0)):
        with figures_as(size=size):
            huge = figures.confusion_matrix(np.eye(1000, dtype=int), list(map(str, range(1000))))
        assert huge.get_figwidth() == width, "so many cells do not need more memory than there is"


def test_figures_do_not_change_their_input_or_pyplot() -> None:
    rng = np.random.default_rng(0)
    counts, images, weights = np.array([[1, 2], [3, 4]]), rng.normal(size=(3, 1, 4, 5)), rng.normal(size=(4, 6))
    kept = [array.copy() for array in (counts, images, weights)]
    figures.confusion_matrix(counts, ["a", "b"])
    figures.image_grid(images, ["x", "y", "z"], "heading")
    figures.weight_images(weights, (1, 2, 3))
    for array, copy in zip((counts, images, weights), kept, strict=True):
        np.testing.assert_array_equal(array, copy)
    # Figures registered with pyplot are never freed.
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("images", "columns"), [(1, 6), (6, 6), (7, 6), (5, 2)])
def test_image_grid_has_a_place_for_every_image(images: int, columns: int) -> None:
    pixels = np.random.default_rng(1).normal(size=(images, 1, 4, 5))
    figure = figures.image_grid(pixels, [f"title {n}" for n in range(images)], "heading", columns)
    render(figure)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == [f"title {n}" for n in range(images)]
    assert figure.get_suptitle() == "heading"
    for drawn, image in zip(axes.images, pixels[:, 0], strict=True):
        expected = (image - image.min()) / (image.max() - image.min())
        np.testing.assert_allclose(np.asarray(drawn.get_array()), expected)
    boxes = [artist.get_window_extent() for artist in (*axes.images, *axes.texts)]
    assert all(figure.bbox.contains(*corner) for box in boxes for corner in box.corners())
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_colour_and_constant_images_are_drawn() -> None:
    colour = np.random.default_rng(2).uniform(size=(2, 3, 4, 5))
    colour[1] = 0.5
    figure = figures.image_grid(colour, ["a", "b"], "heading")
    render(figure)
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (4, 5, 3)


@pytest.mark.parametrize("units", [1, 3, 10, 12, 60])
def test_colour_map_of_weight_images_is_centred_at_zero(units: int) -> None:
    weights = np.random.default_rng(3).normal(size=(units, 2 * 3 * 4)) + 1
    figure = figures.weight_images(weights, (2, 3, 4), columns=5, rows=2)
    render(figure)
    drawn = figure.axes[0].images[0]
    shown = weights[:10].reshape(-1, 2, 3, 4).mean(axis=1)
    low, high = drawn.get_clim()
    assert -low == high == pytest.approx(np.abs(shown).max())
    mosaic: npt.NDArray[np.float64] = np.asarray(drawn.get_array(), dtype=float)  # NaN in the gaps
    for number, image in enumerate(shown):
        top, left = number // 5 * 4, number % 5 * 5
        np.testing.assert_allclose(mosaic[top : top + 3, left : left + 4], image)
    assert np.isfinite(mosaic).sum() == shown.size
    assert figure.get_suptitle() == f"Incoming weights of the first {min(units, 10)} of {units} units"
    red, _, blue = to_rgb(drawn.cmap(1.0))
    assert red > blue


def test_zero_weights_are_drawn() -> None:
    figure = figures.weight_images(np.zeros((2, 4)), (1, 2, 2))
    render(figure)
    low, high = figure.axes[0].images[0].get_clim()
    assert -low == high > 0
