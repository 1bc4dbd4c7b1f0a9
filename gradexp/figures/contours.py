"""Paths of descent over the contours of a function."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from gradexp.figures.layout import panel_columns, set_heading
from gradexp.figures.output import asked_width
from gradexp.figures.panels import (
    END_MARKERS,
    PATH_COLOURS,
    Array,
    colour_bar,
    heights,
    legend,
    mark,
    path_dashes,
    set_size,
    side_of,
    window,
)
from gradexp.figures.style import INK, styled, with_minus

LEVELS = 18


@styled
def paths_over_contours(
    x: Array,
    y: Array,
    z: Array,
    paths: Mapping[str, Array],
    marks: Mapping[str, Array],
    title: str,
    axis_labels: tuple[str, str] = ("x", "y"),
    value_label: str = "f(x, y)",
) -> Figure:
    """Paths from start to end over the contours of a function.

    The levels of the contours are spaced logarithmically above the lowest value, and so are closer near it.

    Args:
        x: Coordinates [width] of the grid, whose range is the range of the axes.
        y: Coordinates [height] of the grid.
        z: Values [height, width].
        paths: Points [n, 2] by label, such as the learning rate. Paths are clipped at the axes; a path that becomes
            infinite or NaN is marked as diverged.
        marks: Points [k, 2] by label, such as minima or saddles; each label has its own marker.
        title: Title of the axes.
        axis_labels: Labels of the two coordinates.
        value_label: Label of the colour bar.
    """
    return panels_of_paths(x, y, z, {title: paths}, marks, "", axis_labels, value_label)


@styled
def panels_of_paths(
    x: Array,
    y: Array,
    z: Array,
    panels: Mapping[str, Mapping[str, Array]],
    marks: Mapping[str, Array],
    title: str,
    axis_labels: tuple[str, str] = ("x", "y"),
    value_label: str = "f(x, y)",
) -> Figure:
    """Several `paths_over_contours` of one function side by side, or below each other in a narrow figure.

    Args:
        x: Coordinates [width] of the grid.
        y: Coordinates [height] of the grid.
        z: Values [height, width].
        panels: For each panel's title, such as "by learning rate", its paths by label; at least one panel.
        marks: Points [k, 2] by label, the same in every panel.
        title: Title above all panels; "" for none.
        axis_labels: Labels of the two coordinates.
        value_label: Label of the colour bar.
    """
    columns = panel_columns(len(panels), len(panels))
    side = side_of(columns, 4.8 if len(panels) == 1 else 4.6)
    figure = Figure(layout="constrained")
    all_axes = figure.subplots(-(-len(panels) // columns), columns, squeeze=False).ravel()
    for unused in all_axes[len(panels) :]:
        unused.remove()
    for axes, (heading, paths) in zip(all_axes, panels.items(), strict=False):
        filled = _contours(axes, x, y, z)
        handles = [_path(axes, x, y, label, points, number) for number, (label, points) in enumerate(paths.items())]
        handles += [mark(axes, label, points, number) for number, (label, points) in enumerate(marks.items())]
        handles.append(Line2D([], [], color=INK, linestyle="", marker="o", mfc="white", label="start"))
        if len(paths) == 1:
            handles.append(Line2D([], [], color=INK, linestyle="", marker=END_MARKERS[0], label="end"))
        window(axes, (x[0], x[-1]), (y[0], y[-1]), axis_labels, heading, columns)
        legend(axes, handles, side, columns)
        if axes is all_axes[len(panels) - 1] or (columns == 1 and asked_width()):
            colour_bar(axes, filled, value_label)
    if title:
        set_heading(figure, title)
    set_size(figure, side, columns)
    return figure


def _levels(z: Array) -> Array:
    """Increasing levels from the lowest value to the highest, spaced logarithmically above the lowest."""
    finite = z[np.isfinite(z)]
    base, top = float(finite.min()), float(np.ptp(finite))
    if top == 0:
        return np.array([base - 0.5, base + 0.5])
    # The lowest 0.5 % of the values have one colour; finer levels would be too small to see.
    first = min(max(float(np.quantile(finite, 0.005)) - base, 1e-9 * top), 0.1 * top)
    return np.unique(base + np.concatenate([[0.0], np.geomspace(first, top, LEVELS)]))


def _contours(axes: Axes, x: Array, y: Array, z: Array) -> ContourSet:
    levels, colours = _levels(z), heights()
    values = np.ma.masked_invalid(z)
    filled = axes.contourf(x, y, values, levels=levels, cmap=colours, norm=BoundaryNorm(levels, colours.N))
    if np.ptp(values) > 0:
        axes.contour(x, y, values, levels=levels[1:-1], colors="#10243f", linewidths=0.5, alpha=0.35)
    return filled


def _path(axes: Axes, x: Array, y: Array, label: str, points: Array, number: int) -> Line2D:
    """Draw the path with this number, counted from 0, and return its line for the legend."""
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        label = f"{label} (diverged)"
        points = points[: int(np.argmin(finite))]
    # Huge coordinates overflow the renderer, so a path ends 10,000 ranges of the axes away.
    limit = 1e4 * max(float(np.ptp(x)), float(np.ptp(y)))
    far = (np.abs(points - [x.mean(), y.mean()]) > limit).any(axis=1)
    if far.any():
        points = points[: int(np.argmax(far))]
    colour, marker = PATH_COLOURS[number % len(PATH_COLOURS)], END_MARKERS[number % len(END_MARKERS)]
    scale = 0.6 if asked_width() else 1.0
    width = scale * max(3.2 - 0.4 * number, 1.4)  # decreasing, so that a covered path remains visible on both sides
    (line,) = axes.plot(
        *points.T, color=colour, linewidth=width, solid_joinstyle="round", zorder=4, linestyle=path_dashes(number),
        path_effects=[Stroke(linewidth=width + 1.2, foreground="white", alpha=0.9), Normal()], label=with_minus(label),
    )  # fmt: skip
    end: dict[str, Any] = {"marker": marker, "markersize": scale * 8, "mfc": colour, "mec": "white"}
    axes.plot(*points[-1:].T, zorder=6, linestyle="", **end)
    axes.plot(
        *points[:1].T, "o", markersize=scale * 7.5, markerfacecolor="white", markeredgecolor=colour,
        markeredgewidth=scale * 2, zorder=6,
    )  # fmt: skip
    return Line2D([], [], color=colour, linewidth=width, linestyle=path_dashes(number), label=line.get_label(), **end)
