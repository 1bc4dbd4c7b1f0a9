"""A function of two variables in three dimensions."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from gradexp.figures.layout import new_figure, set_heading, shared_legend, text_points
from gradexp.figures.output import asked_width
from gradexp.figures.panels import PATH_COLOURS, STAR, Array, heights
from gradexp.figures.style import number_text, styled, with_minus

LOG_RATIO = 4.0  # of the range of heights to the median height, above which the scale is logarithmic


@styled
def surface_3d(
    surface_name: str,
    formula: str,
    x: Array,
    y: Array,
    z: Array,
    path_xy: Array,
    path_z: Array,
    minima: Array,
    title: str,
) -> Figure:
    """A surface, the path of a run on it, and its minima; below it its contours and the projected path.

    The scale is logarithmic if valleys would look flat otherwise; the label of the axis then says so.

    Args:
        surface_name: Name of the function.
        formula: Formula of the function.
        x: Coordinates [width] of the grid.
        y: Coordinates [height] of the grid.
        z: Values [height, width].
        path_xy: Points [n, 2] of the run; those outside the grid are left out.
        path_z: Values [n] at these points.
        minima: Points [k, 2], possibly none.
        title: Description of the run, such as its optimizer and learning rate.
    """
    figure = new_figure(8.5, 7.5)
    axes: Any = figure.add_subplot(projection="3d", computed_zorder=False)  # otherwise the surface hides the path
    path_xy, path_z = _inside(x, y, path_xy, path_z)
    finite = z[np.isfinite(z)]
    logarithmic = float(np.ptp(finite)) > LOG_RATIO * float(np.median(finite) - finite.min())
    base = float(z.min())
    if 0 <= base < 1e-3 * float(np.ptp(z)):
        base = 0.0  # the minimum is zero and lies between the points of the grid

    def height(values: Array) -> Array:
        # A path may end below all points of the grid.
        return np.log10(1 + np.maximum(values - base, 0)) if logarithmic else values

    shown = height(z)
    floor = float(shown.min() - 0.35 * (np.ptp(shown) or 1.0))
    grid_x, grid_y = np.meshgrid(x, y)
    axes.plot_surface(
        grid_x, grid_y, shown, cmap=heights(), rcount=150, ccount=150, linewidth=0.15, edgecolor="#00000018",
        antialiased=True, alpha=0.92, zorder=2, rasterized=True,
    )  # fmt: skip
    if np.ptp(shown) > 0:
        contours = {"levels": 14, "cmap": heights(), "linewidths": 0.8}
        axes.contour(grid_x, grid_y, shown, zdir="z", offset=floor, zorder=1, **contours)

    scale = text_points("medium") / 10
    outline = [Stroke(linewidth=4.2 * scale, foreground="white"), Normal()]
    colour, star = PATH_COLOURS[0], {"color": STAR, "markeredgecolor": "black", "linestyle": ""}
    path_height = height(path_z)
    axes.plot(*path_xy.T, np.full(len(path_xy), floor), color=colour, linewidth=1.4, alpha=0.7, zorder=1.5)
    axes.plot(
        *path_xy.T, path_height, color=colour, linewidth=2.4 * scale, path_effects=outline, zorder=4, label="path"
    )
    for label, marker, face, place in (("start", "o", "white", slice(1)), ("end", "s", colour, slice(-1, None))):
        axes.plot(
            *path_xy[place].T, path_height[place], marker, markerfacecolor=face, markeredgecolor="black",
            markersize=7 * scale, zorder=6, label=label,
        )  # fmt: skip
    minima = _inside(x, y, minima.reshape(-1, 2))[0]
    if len(minima):
        below = _interpolate(x, y, shown, minima)
        for (at_x, at_y), at_z in zip(minima, below, strict=True):
            axes.plot([at_x, at_x], [at_y, at_y], [floor, at_z], color="#444444", linewidth=0.8, ls=":", zorder=1.8)
        axes.plot(*minima.T, below, "*", **star, markersize=17 * scale, zorder=5, label="minimum")
        axes.plot(*minima.T, np.full(len(minima), floor), "*", **star, markersize=10 * scale, zorder=1.9)

    axes.set(xlabel="x", ylabel="y", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), zlim=(floor, float(shown.max())))
    if logarithmic:
        ticks = np.concatenate([[0.0], 10.0 ** np.arange(0, 1 + int(math.log10(max(float(np.ptp(z)), 1.0))))])
        axes.set_zticks(np.log10(1 + ticks), [f"{tick:,.0f}" for tick in ticks])
        above = "" if base == 0 else with_minus(f" {'-' if base > 0 else '+'} {number_text(abs(base))}")
        break_line = " " if asked_width() is None else "\n"
        axes.set_zlabel(f"f(x, y){above}, scale{break_line}log(1 + ·)")
    else:
        axes.set_zlabel("f(x, y)")
    axes.view_init(elev=38, azim=-58)
    # The layout does not measure the labels of the axes, which take a larger share of a small figure.
    axes.set_box_aspect((1, 1, 0.75), zoom=1.0 if asked_width() is None else 0.85)
    if asked_width():
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_major_locator(
                MaxNLocator(4, prune="both") if axis is not axes.zaxis or not logarithmic else axis.get_major_locator()
            )
            axes.tick_params(pad=-2)
    set_heading(figure, f"{surface_name}: f = {with_minus(formula)}\n{title}")
    shared_legend(figure, axes.get_legend_handles_labels()[0])
    return figure


def _inside(x: Array, y: Array, points: Array, *others: Array) -> Sequence[Array]:
    """The points within the grid, and the corresponding rows of `others`."""
    low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
    kept = np.isfinite(points).all(axis=1) & (points >= low).all(axis=1) & (points <= high).all(axis=1)
    return [array[kept] for array in (points, *others)]


def _interpolate(x: Array, y: Array, z: Array, points: Array) -> Array:
    """Values [n] of a grid at the nodes nearest to points [n, 2]."""
    columns = np.abs(points[:, 0, None] - x).argmin(axis=1)
    rows = np.abs(points[:, 1, None] - y).argmin(axis=1)
    values: Array = z[rows, columns]
    return values
