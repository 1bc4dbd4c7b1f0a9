"""What figures of descent share: colours, markers, and square axes with a legend below them."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gradexp.figures.layout import legend_below, text_points, wrapped
from gradexp.figures.output import asked_width
from gradexp.figures.style import AMBER, DASHES, GREEN, INK, ORANGE, PINK, literal, number_text, write_ticks

Array = npt.NDArray[np.floating]
Range = tuple[float, float]

# Of the palette those that stand out from the blues of the contours; black, and the yellow of Okabe and Ito.
PATH_COLOURS = (ORANGE, "#000000", AMBER, PINK, GREEN, "#F0E442", INK, "#8C6D00")
END_MARKERS = ("s", "D", "^", "v", "P", "X", "p", "h")
STAR = "#F0E442"
MARKERS = ("*", "X", "D", "P")  # by number of the kind of marks
BAR, PAPER_BAR = 1.15, 0.9  # inches beside the last panel, for its colour bar; where text is small
EDGE = 0.6  # inches beside each panel, for its ticks and label
PAD = 0.05  # inches above and below each panel with its legend, and the title of the figure


def heights() -> Colormap:
    """A colour map from dark blue (low) to nearly white (high), on which strong colours stand out."""
    return LinearSegmentedColormap.from_list("heights", ["#1d3f72", "#3f78a8", "#7fb2c9", "#bfdde0", "#f4f7f2"])


def path_dashes(number: int) -> Any:
    """The dashes of the path with this number, counted from 0."""
    return DASHES[number % len(DASHES)]


def mark(axes: Axes, label: str, places: Array, number: int) -> Line2D:
    """Draw the marks of one kind, numbered from 0, and return their legend entry, none without places."""
    marker = MARKERS[number % len(MARKERS)]
    size = (10 if len(places) > 30 else 17) * text_points("medium") / 10
    size = size if marker == "*" else 0.5 * size
    look: dict[str, Any] = {
        "marker": marker, "linestyle": "", "markerfacecolor": STAR if marker == "*" else "white",
        "markeredgecolor": "black", "markeredgewidth": 0.9, "label": label if len(places) else "_nothing",
    }  # fmt: skip
    axes.plot(*places.reshape(-1, 2).T, markersize=size, zorder=5, **look)
    return Line2D([], [], markersize=min(size, 1.2 * text_points("small")), **look)


def window(axes: Axes, x: Range, y: Range, axis_labels: tuple[str, str], heading: str, columns: int) -> None:
    """Make the axes square, with these ranges and labels."""
    axes.set(xlim=x, ylim=y, xlabel=literal(axis_labels[0]), ylabel=literal(axis_labels[1]))
    axes.set_box_aspect(1)
    axes.set_title(wrapped(heading, side_of(columns, 4.6) + 0.4, "medium"), fontsize="medium")


def side_of(columns: int, side: float) -> float:
    """The side of square panels in inches: `side`, or what `columns` of them have of the width asked for."""
    asked = asked_width()
    return side if asked is None else (asked - PAPER_BAR) / columns - EDGE


def legend(axes: Axes, handles: Sequence[Artist], side: float, columns: int) -> None:
    """Draw a legend below one of `columns` square axes, about as wide as it is."""
    handles = [handle for handle in handles if not str(handle.get_label()).startswith("_")]
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.set_figwidth(columns * (side + EDGE) + _bar())
    legend_below(axes, handles)


def set_size(figure: Figure, side: float, columns: int) -> None:
    """Set the size for square axes in a grid, with a colour bar on the right and legends below them.

    The layout of matplotlib ignores that the axes are square, and leaves blank space above or below them. So it only
    gives the columns; the rows are as high as the square, the text above it and the legend below it.

    Args:
        figure: The figure, with all that it shows.
        side: Of the axes, in inches; they differ from it by what their labels take.
        columns: Axes side by side.
    """
    width = columns * (side + EDGE) + _bar()
    rows = -(-len(figure.axes) // columns)
    figure.set_size_inches(width, rows * 2 * width)  # so high that the width limits the axes
    write_ticks(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    in_rows = [figure.axes[row * columns :][:columns] for row in range(rows)]
    parts = [np.max([_heights(axes) for axes in row], axis=0) / figure.dpi for row in in_rows]
    heading = sum(text.get_window_extent().height / figure.dpi + 2 * PAD for text in figure.texts)
    height = heading + sum(row.sum() + 2 * PAD for row in parts)
    figure.set_figheight(height)
    for text in figure.texts:
        text.set_y(1 - PAD / height)
    top = height - heading
    for row, (above, square, below) in zip(in_rows, parts, strict=True):
        top -= PAD + above + square
        for axes in row:
            left, _, across, _ = axes.get_position(original=True).bounds
            axes.set_position((left, top / height, across, square / height))
        top -= below + PAD


def _heights(axes: Axes) -> tuple[float, float, float]:
    """The pixels of what is above axes, of themselves, and of what is below them."""
    box, square = axes.get_tightbbox(), axes.get_window_extent()
    assert box is not None
    return box.y1 - square.y1, square.height, square.y0 - box.y0


def _bar() -> float:
    return BAR if asked_width() is None else PAPER_BAR


def colour_bar(axes: Axes, drawn: ScalarMappable, label: str, extend: Literal["neither", "min"] = "neither") -> None:
    """Draw a colour bar beside the axes, with the same height."""
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0, 0.045, 1)), label=label, extend=extend)
    if isinstance(drawn, ContourSet):
        levels = np.asarray(drawn.levels)[::2]
        bar.set_ticks(list(levels), labels=[number_text(level, 3) for level in levels])
    bar.minorticks_off()
