"""What figures share: the type of their arrays, colours, markers, and square axes with a legend below them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

Array = npt.NDArray[np.floating]
Range = tuple[float, float]

PATH_COLOURS = ("#d7263d", "#f59e0b", "#1b1b1e", "#a23bb8", "#2f9e44", "#ff7ab6", "#7c4a2d", "#e8e337")
STAR, INK = "#ffd60a", "#555555"
MARKERS = ("*", "X", "D", "P")  # by number of the kind of marks


def heights() -> Colormap:
    """A colour map from dark blue (low) to nearly white (high), on which strong colours stand out."""
    return LinearSegmentedColormap.from_list("heights", ["#1d3f72", "#3f78a8", "#7fb2c9", "#bfdde0", "#f4f7f2"])


def literal(name: str) -> str:
    """A name from the user's data as a label, in which matplotlib does not take $ for mathematics."""
    return name.replace("$", r"\$")


def mark(axes: Axes, label: str, points: Array, number: int, size: float = 17) -> Line2D:
    """Draw the marks of one kind, numbered from 0; without points they get no legend entry."""
    marker = MARKERS[number % len(MARKERS)]
    size = min(size, 10) if len(points) > 30 else size
    (drawn,) = axes.plot(
        *points.reshape(-1, 2).T, marker=marker, markersize=size if marker == "*" else 0.5 * size, linestyle="",
        markerfacecolor=STAR if marker == "*" else "white", markeredgecolor="black", markeredgewidth=0.9, zorder=5,
        label=label if len(points) else "_nothing",
    )  # fmt: skip
    return drawn


def window(axes: Axes, x: Range, y: Range, axis_labels: tuple[str, str], heading: str) -> None:
    """Make the axes square, with these ranges and labels."""
    axes.set(xlim=x, ylim=y, xlabel=literal(axis_labels[0]), ylabel=literal(axis_labels[1]))
    axes.set_box_aspect(1)
    axes.set_title(heading, fontsize=12)


def legend(axes: Axes, handles: Sequence[Artist], inches: float) -> int:
    """Draw a legend below the axes, about as wide as they are, and return its number of rows."""
    handles = [handle for handle in handles if not str(handle.get_label()).startswith("_")]
    widest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(inches / (0.07 * widest + 0.6))))
    figure = axes.get_figure(root=True)
    assert figure is not None
    # The distance is in inches, so that the layout reserves the same space for axes of any size.
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, frameon=False, fontsize=10,
        bbox_transform=axes.transAxes + ScaledTranslation(0, -0.5, figure.dpi_scale_trans), columnspacing=1.5,
    )  # fmt: skip
    return -(-len(handles) // columns)


def set_size(figure: Figure, side: float, columns: int, legend_rows: int) -> None:
    """Set the size for square axes side by side, with a colour bar on the right and legends below them."""
    # The width must limit the size of the axes: the layout ignores that they are square, and would cut the legends off.
    title_height = 1.15 if columns == 1 else 1.4
    figure.set_size_inches(columns * (side + 0.6) + 0.9, side + title_height + 0.23 * legend_rows)


def colour_bar(axes: Axes, drawn: ScalarMappable, label: str, extend: Literal["neither", "min"] = "neither") -> None:
    """Draw a colour bar beside the axes, with the same height."""
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0, 0.045, 1)), label=label, extend=extend)
    if isinstance(drawn, ContourSet):
        levels = np.asarray(drawn.levels)[::2]
        bar.set_ticks(list(levels), labels=[f"{level:.3g}" for level in levels])
    bar.minorticks_off()
