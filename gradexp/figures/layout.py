"""Sizes of figures and panels, titles and legends that fit into them."""

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.transforms import ScaledTranslation

from gradexp.figures.output import asked_width
from gradexp.figures.style import with_minus

TALLER = 1.1  # a small figure: its text takes a larger share of its height
LEAST = 2.2  # inches, the width of the narrowest panel with text
LETTER = 0.56  # width of a letter, in sizes of the font
HANDLE = 0.55  # inches of a legend's entry beside its text


def new_figure(width: float, height: float) -> Figure:
    """A figure of this size in inches, or of the size asked for in these proportions."""
    asked = asked_width()
    if asked is not None:
        width, height = asked, TALLER * asked * height / width
    return Figure(figsize=(width, height), layout="constrained")


def rows_figure(width: float, head: float, row: float, rows: int) -> Figure:
    """A figure with rows of text: the height of a row follows the text, not the width."""
    return Figure(figsize=(asked_width() or width, head + row * rows), layout="constrained")


def panel_columns(count: int, columns: int) -> int:
    """How many of the panels are side by side, at most `columns`."""
    asked = asked_width()
    return min(count, columns if asked is None else max(1, min(columns, int(asked / LEAST))))


def new_panels(
    count: int, columns: int, width: float, height: float, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with panels of this size in inches, row by row, and the panels."""
    columns = panel_columns(count, columns)
    rows = -(-count // columns)
    figure = new_figure(width * columns, height * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel())
    for axes in panels[count:]:
        axes.remove()
    return figure, panels[:count]


def text_points(size: str) -> float:
    """The points of a relative size of text in the current style."""
    return float(FontProperties(size=size).get_size_in_points())


def area(size: float) -> float:
    """The area of a scattered marker, of `size` where a line's markers have their usual size."""
    return size * float(mpl.rcParams["lines.markersize"] / 5) ** 2


def letters(inches: float, size: str = "small") -> int:
    """How many letters of text fit into a width."""
    return max(int(72 * inches / (LETTER * text_points(size))), 8)


def wrapped(text: str, inches: float, size: str = "small", lines: int = 4) -> str:
    """Text in lines that fit into a width, preferably broken at spaces."""
    return "\n".join(
        line
        for part in with_minus(text).split("\n")
        for line in textwrap.wrap(
            part, letters(inches, size), max_lines=lines, placeholder=" …", break_on_hyphens=False
        )
    )


def set_title(axes: Axes, text: str) -> None:
    """Set the title of a panel."""
    axes.set_title(wrapped(text, _width(axes) - 0.3, mpl.rcParams["axes.titlesize"]))


def set_heading(figure: Figure, text: str) -> None:
    """Set the title of a figure."""
    figure.suptitle(wrapped(text, figure.get_figwidth() - 0.1, mpl.rcParams["figure.titlesize"]))


def legend_below(axes: Axes, handles: Sequence[Artist] | None = None, heading: str = "", ticks: float = 0.0) -> int:
    """Draw a legend below a panel, clear of its data, and return how many lines it has.

    Args:
        axes: The panel.
        handles: Of its entries; None for all of the panel.
        heading: Above its entries.
        ticks: Inches that the labels of the ticks are higher than a line of text, where they are rotated.
    """
    if handles is None:
        handles = axes.get_legend_handles_labels()[0]
    if not handles:
        return 0
    labels, columns, lines = _entries(handles, _width(axes) - 0.15)
    figure = axes.get_figure(root=True)
    assert figure is not None
    # The distance is in inches, so that the layout reserves the same space for axes of any size.
    tick, label = (text_points(mpl.rcParams[key]) for key in ("xtick.labelsize", "axes.labelsize"))
    below = ticks + (tick + (2.2 if axes.get_xlabel() else 0.9) * label) / 72
    axes.legend(
        handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, frameon=False, columnspacing=1.2,
        bbox_transform=axes.transAxes + ScaledTranslation(0, -below, figure.dpi_scale_trans), title=heading or None,
    )  # fmt: skip
    lines += bool(heading)
    _make_room(figure, lines / _columns(axes))
    return lines


def shared_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Draw a legend for all panels below them."""
    if handles:
        labels, columns, lines = _entries(handles, figure.get_figwidth() - 0.1)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, columnspacing=1.2)
        _make_room(figure, lines)


def _make_room(figure: Figure, lines: float) -> None:
    """Make a figure for a paper higher, so that a legend takes nothing from its panels."""
    if asked_width() is not None:
        figure.set_figheight(figure.get_figheight() + 1.4 * lines * text_points("small") / 72)


def _entries(handles: Sequence[Artist], inches: float) -> tuple[list[str], int, int]:
    """Labels that fit into a legend of this width, its number of columns, and of lines."""
    labels = [wrapped(str(handle.get_label()), inches - HANDLE, lines=3) for handle in handles]
    widest = max(len(line) for label in labels for line in label.split("\n"))
    entry = HANDLE + 0.1 + LETTER * text_points("small") * widest / 72
    columns = max(1, min(len(labels), int(inches / entry)))
    rows = [labels[start : start + columns] for start in range(0, len(labels), columns)]
    return labels, columns, sum(max(label.count("\n") + 1 for label in row) for row in rows)


def _columns(axes: Axes) -> int:
    """How many panels are side by side."""
    place = axes.get_subplotspec()
    return 1 if place is None else int(place.get_gridspec().ncols)


def _width(axes: Axes) -> float:
    """Inches of the figure that a panel has with what is beside it."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return float(figure.get_figwidth()) / _columns(axes)
