"""Figures of descent show the given numbers."""

from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from gradexp.figures import basin_map, panels_of_paths, paths_over_contours, surface_3d
from gradexp.figures.basins import BASIN_COLOURS, NO_MINIMUM
from gradexp.figures.output import figures_as
from gradexp.figures.panels import PATH_COLOURS, Array
from tests.figures.rendering import legend_of, render

pytestmark = pytest.mark.slow

X, Y = np.linspace(-2, 3, 41), np.linspace(-1, 1, 31)
BOWL: Array = X**2 + 4 * Y[:, None] ** 2 - 7  # below zero around its minimum
PATH = np.array([[2.5, 0.9], [1.0, -0.5], [0.2, 0.1], [0.0, 0.0]])
MINIMUM, NO_POINTS = np.array([[0.0, 0.0]]), np.empty((0, 2))


def line_named(axes: Axes, label: str) -> Array:
    (line,) = [line for line in axes.get_lines() if line.get_label() == label]
    return np.asarray(line.get_xydata(), dtype=float)


def assert_legends_are_inside_the_figure(figure: Figure) -> None:
    figure.draw_without_rendering()
    for axes in figure.axes:
        if (legend := axes.get_legend()) is not None:
            box = legend.get_window_extent()
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.width


def draw_all() -> list[Figure]:
    reached, cost = np.zeros((31, 41), dtype=int), np.ones((31, 41))
    return [
        surface_3d("bowl", "x² + 4y² - 7", X, Y, BOWL, PATH, BOWL[0, :4], MINIMUM, "SGD, lr 0.1"),
        paths_over_contours(X, Y, BOWL, {"SGD, lr 0.1": PATH}, {"minimum": MINIMUM}, "bowl"),
        panels_of_paths(X, Y, BOWL, {"by lr": {"lr 0.1": PATH}, "by start": {}}, {"minimum": MINIMUM}, "bowl"),
        basin_map(X, Y, reached, MINIMUM, cost, "Adam, lr 0.001, 100 steps"),
    ]


def test_paths_and_marks_are_at_their_coordinates() -> None:
    paths, saddles = {"SGD, lr 0.1": PATH, "SGD, lr 0.01": PATH / 2}, np.array([[1.0, 0.5], [2.0, -0.5]])
    marks = {"minimum": MINIMUM, "saddles": saddles, "none of these": NO_POINTS}
    figure = paths_over_contours(X, Y, BOWL, paths, marks, "linear regression", ("w", "b"), "loss")
    render(figure)
    (axes,) = figure.axes
    for label, points in {**paths, "minimum": MINIMUM, "saddles": saddles}.items():
        np.testing.assert_array_equal(line_named(axes, label), points)
    assert legend_of(axes) == [*paths, "minimum", "saddles", "start"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("w", "b", "linear regression")
    assert [bar.get_ylabel() for bar in axes.child_axes] == ["loss"]
    # Circles at the starts; each end has a marker of its own.
    drawn = [(str(line.get_marker()), np.asarray(line.get_xydata()).tolist()) for line in axes.get_lines()]
    for points, end in zip(paths.values(), ("s", "D"), strict=True):
        assert ("o", points[:1].tolist()) in drawn
        assert (end, points[-1:].tolist()) in drawn
    markers = {str(line.get_label()): line.get_marker() for line in axes.get_lines()}
    assert markers["minimum"] != markers["saddles"]
    assert_legends_are_inside_the_figure(figure)


@pytest.mark.parametrize("size", [None, "page", "column"])
def test_nothing_above_below_and_between_rows_of_square_axes_is_blank(size: str | None) -> None:
    """Rows as one sees them: a row, of title, axes and legends, follows what is above within a tenth of an inch."""
    starts = {f"start {number}": PATH + 0.1 * number for number in range(6)}
    panels = {"by start": starts, "by rate, with a heading that may take two lines": {"lr 0.1": PATH}, "by lr": {}}
    with figures_as("png", size):
        of_paths = panels_of_paths(X, Y, BOWL, panels, {"minimum": MINIMUM}, "bowl")
        costs = np.geomspace(1e-12, 100, 31 * 41).reshape(31, 41)
        basins = basin_map(X, Y, np.zeros((31, 41), dtype=int), MINIMUM, costs, "Adam, lr 0.001")
    for figure in (of_paths, basins):
        figure.draw_without_rendering()
        bottom = figure.bbox.height
        rows = len({round(axes.get_position().y0, 3) for axes in figure.axes})
        columns = len(figure.axes) // rows
        shown: list[list[Any]] = [[text.get_window_extent() for text in figure.texts]]
        shown += [[axes.get_tightbbox() for axes in figure.axes[row * columns :][:columns]] for row in range(rows)]
        for boxes in shown:
            assert 0 <= bottom - max(box.y1 for box in boxes) < 0.11 * figure.dpi
            bottom = min(box.y0 for box in boxes)
        assert 0 <= bottom < 0.11 * figure.dpi
        assert 0 <= figure.bbox.width - max(box.x1 for boxes in shown for box in boxes) < 0.11 * figure.dpi
        for axes in figure.axes:
            assert axes.get_window_extent().width == pytest.approx(axes.get_window_extent().height)


def test_diverging_paths_are_clipped_at_the_axes() -> None:
    far = np.array([[0.0, 0.5], [50.0, -70.0], [1e30, -1e35], [np.inf, np.nan], [0.0, 0.0]])
    sudden = far[[0, 1, 3, 4]]
    figure = paths_over_contours(X, Y, BOWL, {"lr 10": far, "lr 0.1": PATH, "lr 20": sudden}, {}, "bowl")
    render(figure)
    (axes,) = figure.axes
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 3), (-1, 1))
    # Points after the divergence are not drawn, even if they are finite.
    np.testing.assert_array_equal(line_named(axes, "lr 10 (diverged)"), far[:2])
    np.testing.assert_array_equal(line_named(axes, "lr 20 (diverged)"), far[:2])
    assert legend_of(axes)[:3] == ["lr 10 (diverged)", "lr 0.1", "lr 20 (diverged)"]


@pytest.mark.parametrize("points", [np.full((3, 2), np.nan), NO_POINTS, np.zeros((1, 2))])
def test_path_without_finite_points_or_with_one_point_is_drawn(points: Array) -> None:
    render(paths_over_contours(X, Y, BOWL, {"lr 1": points}, {}, "bowl"))


@pytest.mark.parametrize(
    "values",
    [BOWL, 1e6 * BOWL, 1e-6 * BOWL, BOWL - BOWL.min(), np.exp(3 * BOWL), X - Y[:, None], BOWL + 1e9],
    ids=["negative", "large", "small", "from zero", "steep", "plane", "offset"],
)
def test_levels_span_the_values_with_increasing_distances(values: Array) -> None:
    figure = paths_over_contours(X, Y, values, {}, {}, "bowl")
    render(figure)
    filled = next(child for child in figure.axes[0].get_children() if isinstance(child, QuadContourSet))
    levels = np.asarray(filled.levels)
    assert levels[[0, -1]].tolist() == pytest.approx([values.min(), values.max()], rel=1e-9)
    steps = np.diff(levels)
    assert len(levels) > 10
    assert (steps > 0).all()
    assert (np.diff(steps[1:]) > 0).all()


@pytest.mark.parametrize("values", [np.zeros_like(BOWL), np.where(BOWL > 0, np.inf, BOWL)], ids=["flat", "infinite"])
def test_flat_and_infinite_values_are_drawn(values: Array) -> None:
    render(paths_over_contours(X, Y, values, {"lr 0.1": PATH}, {"minimum": MINIMUM}, "bowl"))


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_each_panel_has_its_own_paths_and_all_marks(columns: int) -> None:
    panels = {
        f"by number {n}": {f"momentum {m / 10}, lr 0.{n}": PATH * m / 10 for m in range(9)} for n in range(columns)
    }
    figure = panels_of_paths(X, Y, BOWL, panels, {"minimum": MINIMUM}, "bowl: SGD")
    render(figure)
    assert figure.get_suptitle() == "bowl: SGD"
    assert [axes.get_title() for axes in figure.axes] == list(panels)
    for axes, paths in zip(figure.axes, panels.values(), strict=True):
        assert legend_of(axes) == [*paths, "minimum", "start"]
        for label, points in paths.items():
            np.testing.assert_array_equal(line_named(axes, label), points)
        assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 3), (-1, 1))
    colours = [to_hex(line.get_color()) for line in figure.axes[0].get_lines() if line.get_path_effects()]
    assert colours[: len(PATH_COLOURS)] == [colour.lower() for colour in PATH_COLOURS]
    assert_legends_are_inside_the_figure(figure)


def test_surface_shows_its_path_and_minima() -> None:
    path_z = np.array([7.0, -5.0, -6.9, -7.0])
    figure = surface_3d("bowl", "x² + 4y² - 7", X, Y, BOWL, PATH, path_z, MINIMUM, "SGD, lr 0.1, 3 steps")
    render(figure)
    axes: Any = figure.axes[0]
    lines = {line.get_label(): np.stack([np.asarray(part) for part in line.get_data_3d()]) for line in axes.lines}
    np.testing.assert_allclose(lines["path"], np.stack([*PATH.T, path_z]))
    np.testing.assert_allclose(lines["start"][:, 0], [2.5, 0.9, 7])
    np.testing.assert_allclose(lines["end"][:, 0], [0, 0, -7])
    np.testing.assert_allclose(lines["minimum"][:, 0], [0, 0, -7])
    assert axes.get_zlabel() == "f(x, y)"
    assert figure.get_suptitle() == "bowl: f = x² + 4y² \N{MINUS SIGN} 7\nSGD, lr 0.1, 3 steps"
    assert legend_of(figure) == ["path", "start", "end", "minimum"]


@pytest.mark.parametrize(
    ("lowest", "label"), [(0.0, "f(x, y)"), (-50.0, "f(x, y) + 50"), (1e6, "f(x, y) \N{MINUS SIGN} 1e6")]
)
def test_steep_surface_has_a_logarithmic_scale_and_label(lowest: float, label: str) -> None:
    steep = (X**2 + 4 * Y[:, None] ** 2) ** 4
    path_z = np.array([900.0, 99.0, 9.0, -1e-3])  # the last is lower than the grid's lowest
    figure = surface_3d("steep", "(x² + 4y²)⁴", X, Y, steep + lowest, PATH, path_z + lowest, MINIMUM, "Adam, lr 0.1")
    render(figure)
    axes: Any = figure.axes[0]
    assert axes.get_zlabel() == f"{label}, scale log(1 + ·)"
    (path,) = [line for line in axes.lines if line.get_label() == "path"]
    np.testing.assert_allclose(path.get_data_3d()[2], np.log10([901, 100, 10, 1]), atol=1e-6)
    ticks = {text.get_text(): at for at, text in zip(axes.get_zticks(), axes.get_zticklabels(), strict=True)}
    assert ticks["0"] == 0
    assert ticks["100"] == pytest.approx(np.log10(101))
    assert "10,000" in ticks


def test_surface_omits_points_outside_its_grid_and_missing_minima() -> None:
    path = np.array([[2.5, 0.9], [40.0, 0.0], [np.nan, np.inf], [0.0, 0.5]])
    figure = surface_3d("bowl", "f", X, Y, BOWL, path, np.array([1.0, 1600.0, np.nan, -6.0]), NO_POINTS, "lr 1")
    render(figure)
    axes: Any = figure.axes[0]
    (drawn,) = [line for line in axes.lines if line.get_label() == "path"]
    np.testing.assert_allclose(np.stack(drawn.get_data_3d()), np.array([[2.5, 0], [0.9, 0.5], [1, -6]]))
    assert legend_of(figure) == ["path", "start", "end"]
    render(surface_3d("bowl", "f", X, Y, 0 * BOWL, NO_POINTS, np.empty(0), NO_POINTS, "lr 1"))


def test_basin_map_shows_reached_minima_and_final_costs() -> None:
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([10.0, 12.0])
    reached = np.array([[0, 0, 1, -1], [0, 1, 1, 1]])
    cost = np.array([[1e-3, 0.0, 1e-6, np.nan], [10.0, 1.0, 1e-6, np.inf]])
    minima = np.array([[0.5, 10.25], [2.123456, 11.0]])
    figure = basin_map(x, y, reached, minima, cost, "Adam, lr 0.001, 100 steps")
    render(figure)
    assert figure.get_suptitle() == "Adam, lr 0.001, 100 steps"
    left, right = figure.axes
    (classes,), (costs,) = left.images, right.images
    np.testing.assert_array_equal(np.asarray(classes.get_array()), reached)
    colours = [to_hex(classes.to_rgba(np.array([number]))[0]) for number in (-1, 0, 1)]
    assert colours == [NO_MINIMUM, *(colour.lower() for colour in BASIN_COLOURS[:2])]
    assert legend_of(left) == ["A (0.5, 10.25): 37.5%", "B (2.123, 11): 50.0%", "none: 12.5%", "minimum"]
    # Starts are at the centres of pixels, and the first row is at the bottom.
    for image in (classes, costs):
        assert (list(image.get_extent()), image.origin) == ([-0.5, 3.5, 9, 13], "lower")
    shown = np.ma.masked_array(costs.get_array())
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), ~np.isfinite(cost))
    np.testing.assert_allclose(shown.filled(-1), [[1e-3, 1e-6, 1e-6, -1], [10, 1, 1e-6, -1]])
    assert costs.get_clim() == (1e-6, 10)
    assert to_hex(costs.to_rgba(shown)[0, 3]) == NO_MINIMUM
    for axes in (left, right):
        np.testing.assert_array_equal(line_named(axes, "minimum"), minima)
        assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 3.5), (9, 13))
    assert_legends_are_inside_the_figure(figure)


def test_negative_costs_are_shown_relative_to_the_lowest() -> None:
    cost = np.array([[-78.0, -77.0], [-68.0, 22.0]])
    figure = basin_map(np.arange(2.0), np.arange(2.0), np.zeros((2, 2), dtype=int), MINIMUM, cost, "Adam, lr 0.001")
    render(figure)
    right = figure.axes[1]
    np.testing.assert_allclose(np.asarray(right.images[0].get_array()), [[1, 1], [10, 100]])
    assert right.child_axes[0].get_ylabel() == "cost at the end + 78"


def test_legend_of_many_minima_summarises_the_others() -> None:
    minima = np.stack([np.linspace(-2, 3, 40), np.zeros(40)], axis=1)
    reached = np.tile(np.arange(40), (3, 1))
    figure = basin_map(np.linspace(-2, 3, 40), np.arange(3.0), reached, minima, np.ones((3, 40)), "Adam, lr 0.001")
    render(figure)
    named = len(BASIN_COLOURS)
    entries = legend_of(figure.axes[0])
    assert len(entries) == named + 2
    assert entries[0] == "A (\N{MINUS SIGN}2, 0): 2.5%"
    assert entries[-2] == f"{40 - named} others: {(40 - named) / 40:.1%}"
    assert_legends_are_inside_the_figure(figure)


@pytest.mark.parametrize("cost", [0.0, 5.0, np.nan, -np.inf])
def test_basin_map_without_minima_or_with_one_cost_is_drawn(cost: float) -> None:
    figure = basin_map(
        np.arange(3.0), np.arange(2.0), np.full((2, 3), -1), NO_POINTS, np.full((2, 3), cost), "SGD, lr 0.1"
    )
    render(figure)
    assert legend_of(figure.axes[0]) == ["none: 100.0%"]


def test_figures_do_not_change_their_input_or_pyplot() -> None:
    kept = [array.copy() for array in (X, Y, BOWL, PATH, MINIMUM)]
    for figure in draw_all():
        render(figure)
    for array, copy in zip((X, Y, BOWL, PATH, MINIMUM), kept, strict=True):
        np.testing.assert_array_equal(array, copy)
    # Figures registered with pyplot are never freed.
    assert plt.get_fignums() == []
