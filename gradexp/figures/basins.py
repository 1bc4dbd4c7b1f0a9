"""Basins of attraction: the minimum that descent from each start reaches."""

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke

from gradexp.figures.layout import panel_columns, set_heading
from gradexp.figures.panels import Array, colour_bar, legend, mark, set_size, side_of, window
from gradexp.figures.style import PALETTE, number_text, styled

BASIN_COLOURS = (*PALETTE[:7], "#F0E442", "#BBBBBB")
NO_MINIMUM = "#e8e8e8"
LETTERS = "ABCDEFGHI"  # in the basins, so that they are told apart without colours too


@styled
def basin_map(
    x: Array,
    y: Array,
    reached: npt.NDArray[np.integer],
    minima: Array,
    cost: Array,
    title: str,
) -> Figure:
    """The minimum that descent from each start reaches, and the final cost.

    Args:
        x: First coordinates [width] of the starts.
        y: Second coordinates [height] of the starts.
        reached: Index [height, width] of the minimum; -1 for none.
        minima: Points [k, 2].
        cost: Final cost [height, width]; values that are not finite are grey.
        title: Optimizer, learning rate and steps of the descent.
    """
    columns = panel_columns(2, 2)
    side = side_of(columns, 5.4)
    figure = Figure(layout="constrained")
    left, right = figure.subplots(2 // columns, columns, squeeze=False).ravel()
    extent = (*_edges(x), *_edges(y))
    colours = [BASIN_COLOURS[n % len(BASIN_COLOURS)] for n in range(len(minima))]
    # The first colour is for -1, none.
    left.imshow(
        reached, cmap=ListedColormap([NO_MINIMUM, *colours]), vmin=-1.5, vmax=len(minima) - 0.5, origin="lower",
        extent=extent, interpolation="nearest", aspect="auto",
    )  # fmt: skip
    shares = {number: float(np.mean(reached == number)) for number in range(-1, len(minima))}
    named = range(len(minima))[: len(BASIN_COLOURS)]
    handles: list[Artist] = [
        Patch(
            color=colours[n],
            label=f"{LETTERS[n]} ({number_text(minima[n][0])}, {number_text(minima[n][1])}): {shares[n]:.1%}",
        )
        for n in named
    ]
    if others := len(minima) - len(named):
        rest = 1 - shares[-1] - sum(shares[number] for number in named)
        handles.append(Patch(facecolor="white", edgecolor="grey", label=f"{others} others: {max(rest, 0):.1%}"))
    if shares[-1] > 0:
        handles.append(Patch(color=NO_MINIMUM, label=f"none: {shares[-1]:.1%}"))
    finite = np.isfinite(cost)
    lowest = float(cost[finite].min()) if finite.any() else 0.0
    above = cost - lowest if lowest < 0 else cost
    positive = above[finite & (above > 0)]
    high = float(positive.max()) if positive.size else 1.0
    low = max(float(positive.min()) if positive.size else 0.1, 1e-14 * high)
    colour_map = mpl.colormaps["magma"].with_extremes(bad=NO_MINIMUM)
    drawn = right.imshow(
        np.ma.masked_where(~finite, np.maximum(np.where(finite, above, low), low)), cmap=colour_map,
        norm=LogNorm(low, high if high > low else 10 * low), origin="lower", extent=extent, interpolation="nearest",
        aspect="auto",
    )  # fmt: skip
    label = "cost at the end" if lowest >= 0 else f"cost at the end + {number_text(-lowest, 5)}"
    colour_bar(right, drawn, label, "min" if (above[finite] < low).any() else "neither")

    headings = ("The minimum that a start reaches", "The cost at the end, by start")
    for axes, text in zip((left, right), headings, strict=True):
        handles.append(mark(axes, "minimum", minima, 0))
        window(axes, extent[:2], extent[2:], ("x", "y"), text, columns)
    for n in named:
        left.annotate(
            LETTERS[n], minima[n], xytext=(0, 8), textcoords="offset points", ha="center", va="bottom", weight="bold",
            path_effects=[Stroke(linewidth=2.5, foreground="white"), Normal()],
        ).set_in_layout(False)  # fmt: skip
    set_heading(figure, title)
    legend(left, handles[:-1], side, columns)
    set_size(figure, side, columns)
    return figure


def _edges(centres: Array) -> tuple[float, float]:
    """The outer edges of the pixels with these centres."""
    half = float(centres[-1] - centres[0]) / max(len(centres) - 1, 1) / 2 or 0.5
    return float(centres[0]) - half, float(centres[-1]) + half
