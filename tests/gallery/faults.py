"""What keeps a figure from being printed: small text, text that is cut off, hyphens for minus signs."""

import re
from collections.abc import Callable, Iterator
from unittest.mock import patch

from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Text

from gradexp.figures.output import WIDTHS, figures_as

SMALLEST = 7.0  # points at the size printed
SHRUNK = re.compile(r"\$.*[\^_].*\$")  # exponents and indices of mathematics, 0.7 times the size
MARGIN = 3  # pixels


def faults(draw: Callable[[], Figure], size: str | None) -> Iterator[str]:
    """The faults of a figure at this size; None for its own."""
    with figures_as(size=size):
        figure = draw()
        texts = drawn_texts(figure)
    if size is not None and abs(figure.get_figwidth() - WIDTHS[size]) > 1e-6:
        yield f"it is {figure.get_figwidth()} inches wide"
    inside = figure.bbox.padded(MARGIN)
    for text in texts:
        shown = text.get_text()
        if float(text.get_fontsize()) < SMALLEST or SHRUNK.search(shown):
            yield f"{shown!r} has {text.get_fontsize()} points"
        if "-" in re.sub(r"[A-Za-z]-[A-Za-z]", "", shown) or "->" in shown:
            yield f"{shown!r} has a hyphen for a minus sign"
        if not all(inside.contains(*corner) for corner in text.get_window_extent().corners()):
            yield f"{shown!r} is cut off"


def drawn_texts(figure: Figure) -> list[Text]:
    """The texts that are drawn: the labels of ticks outside the axes are not."""
    drawn: list[Text] = []
    draw = Text.draw

    def record(self: Text, renderer: RendererBase) -> None:
        if self.get_visible() and self.get_text().strip():
            drawn.append(self)
        draw(self, renderer)

    with patch.object(Text, "draw", record):
        figure.draw_without_rendering()
    return drawn
