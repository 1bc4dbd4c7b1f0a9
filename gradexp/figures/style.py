"""One style for all figures: palette, markers, lines, sizes of text, and how numbers are written."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

from gradexp.figures.output import output

P = ParamSpec("P")
Drawn = TypeVar("Drawn", bound=Figure | None)

# Okabe and Ito 2008, "Color universal design", told apart with any kind of colour vision; a brown for their yellow,
# which is too pale for lines on white. Figures, the page and the README share it.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#444444")
BLUE, ORANGE, GREEN, PINK, AMBER, SKY, BROWN, INK = PALETTE
GREY = "#777777"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
DASHES = ("-", "--", "-.", ":")
MARKED = 12  # points of a line that get a marker

# Points of text, lines and markers. "small" is 0.833 times font.size: no text is below 7 points at the size printed.
_SIZES: Mapping[str | None, tuple[float, float, float, str]] = {
    None: (10.0, 1.5, 5.0, "large"),
    "page": (9.0, 1.2, 4.0, "medium"),
    "column": (8.5, 1.0, 3.0, "medium"),
}


def rc(size: str | None) -> Any:
    """Matplotlib's parameters for figures of this size, None for their own."""
    text, line, marker, title = _SIZES[size]
    return {
        "font.size": text,
        "axes.titlesize": title,
        "figure.titlesize": title,
        "axes.labelsize": "medium",
        "xtick.labelsize": "small" if size else "medium",
        "ytick.labelsize": "small" if size else "medium",
        "legend.fontsize": "small",
        "legend.title_fontsize": "small",
        "lines.linewidth": line,
        "lines.markersize": marker,
        "grid.alpha": 0.3,
        "axes.unicode_minus": True,
        "axes.prop_cycle": cycler(color=PALETTE),
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "gradexp",
    }


def styled(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """A function that draws in this style, or nothing, and leaves matplotlib's own parameters as the user set them."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Drawn:
        with mpl.rc_context(rc(output().size)):
            figure = draw(*args, **kwargs)
            if figure is not None:
                write_ticks(figure)
        return figure

    return drawn


def write_ticks(figure: Figure) -> None:
    """Give all axes their ticks in the current style; those of logarithmic ones as plain numbers."""
    for axes in [one for panel in figure.axes for one in (panel, *panel.child_axes)]:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                _write_plainly(axis)
            # Ticks are made when they are first needed, and all are copies of the first one.
            axis.get_major_ticks(1)


def draw_line(axes: Axes, x: Any, y: Any, place: int, label: str, **more: Any) -> Line2D:
    """Draw the line with this number, counted from 0, in its own colour, dashes and markers; `more` replaces these."""
    (drawn,) = axes.plot(x, y, label=label, **(look(place) | marks(place, len(x)) | more))
    return drawn


def look(number: int) -> dict[str, Any]:
    """Colour and dashes of the line with this number, counted from 0: no two of the first eight are alike in grey."""
    return {"color": PALETTE[number % len(PALETTE)], "linestyle": DASHES[number % len(DASHES)]}


def marks(number: int, points: int) -> dict[str, Any]:
    """The marker of the line with this number; a line of many points gets a few markers, offset by its number."""
    every = max(points // MARKED, 1)
    marker = MARKERS[(number + number // len(MARKERS)) % len(MARKERS)]
    return {"marker": marker, "markevery": (number * every // 4 % every, every)}


def literal(name: str) -> str:
    """A name from the user's data as a label, in which matplotlib does not take $ for mathematics."""
    return name.replace("$", r"\$")


def number_text(value: float, digits: int = 4) -> str:
    """A number with a true minus sign, such as those of minus one half and of 1e-5."""
    return with_minus(re.sub(r"e([+-])0*", lambda found: "e" + found[1].strip("+"), f"{value:.{digits}g}"))


def with_minus(text: str) -> str:
    """Text in which the hyphens before numbers and between terms are minus signs."""
    return re.sub(r"(?<![\w.)])-(?=[\d.])|(?<=\de)-(?=\d)|(?<= )-(?= )", "\N{MINUS SIGN}", text)


class PlainLog(LogFormatter):
    """Ticks of a logarithmic axis as 0.001 and 1e-5, as typed: the exponents of 10⁻⁵ would be too small to read."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return number_text(x) if super().__call__(x, pos) else ""


def _write_plainly(axis: Any) -> None:
    for is_minor, formatter in ((False, axis.get_major_formatter()), (True, axis.get_minor_formatter())):
        if type(formatter).__name__ == "LogFormatterSciNotation":
            plain = PlainLog(labelOnlyBase=not is_minor)
            (axis.set_minor_formatter if is_minor else axis.set_major_formatter)(plain)
