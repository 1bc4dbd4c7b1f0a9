"""Every figure that the package draws can be printed: its text is large enough and within it, its fonts embed."""

import inspect
import re

import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Text

from gradexp import figures
from gradexp.figures.encoding import encoded
from gradexp.figures.output import WIDTHS, figures_as
from gradexp.sweeps.report.matplotlib_figures import SWEEP_FIGURES
from gradexp.sweeps.report.studies import study_names
from tests.gallery.of_runs import run_figures
from tests.gallery.of_sweeps import sweep_figures

GALLERY = run_figures() | sweep_figures()
SMALLEST = 7.0  # points at the size printed
SHRUNK = re.compile(r"\$.*[\^_].*\$")  # exponents and indices of mathematics, 0.7 times the size
TYPE_3 = re.compile(rb"/Type3\b|/FontType\s+3")


def test_the_gallery_has_every_figure_of_the_package() -> None:
    drawing = {name for name in figures.__all__ if inspect.isfunction(getattr(figures, name))}
    drawn = {name.partition(",")[0] for name in GALLERY}
    assert drawn == drawing | SWEEP_FIGURES.keys() | set(study_names())


def drawn_texts(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[Text]:
    """The texts that are drawn: the labels of ticks outside the axes are not."""
    drawn: list[Text] = []
    draw = Text.draw

    def record(self: Text, renderer: RendererBase) -> None:
        if self.get_visible() and self.get_text().strip():
            drawn.append(self)
        draw(self, renderer)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", record)
        figure.draw_without_rendering()
    return drawn


def sizes(place: int) -> tuple[str | None, str]:
    """The narrowest size, and one of the others in turn: all three of all figures would take half a minute."""
    return (None, "page")[place % 2], "column"


@pytest.mark.parametrize("part", range(4))
def test_text_is_large_enough_and_within_the_figure(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = []
    for place, (name, draw) in enumerate(GALLERY.items()):
        for size in sizes(place) if place % 4 == part else ():
            with figures_as(size=size):
                figure = draw()
                drawn = drawn_texts(figure, monkeypatch)
            if size is not None and abs(figure.get_figwidth() - WIDTHS[size]) > 1e-6:
                wrong.append(f"{name}, {size}: {figure.get_figwidth()} inches wide")
            inside = figure.bbox.padded(3)
            for text in drawn:
                shown = text.get_text()
                if float(text.get_fontsize()) < SMALLEST or SHRUNK.search(shown):
                    wrong.append(f"{name}, {size}: {shown!r} has {text.get_fontsize()} points")
                if "-" in re.sub(r"[A-Za-z]-[A-Za-z]", "", shown) or "->" in shown:
                    wrong.append(f"{name}, {size}: {shown!r} has a hyphen for a minus sign")
                if not all(inside.contains(*corner) for corner in text.get_window_extent().corners()):
                    wrong.append(f"{name}, {size}: {shown!r} is cut off")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["loss_curve", "surface_3d", "confusion_matrix", "sweep/coordinates"])
def test_fonts_are_embedded(name: str) -> None:
    with figures_as(size="column"):
        contents = encoded(GALLERY[name](), ("svg", "pdf"))
    assert contents["pdf"].startswith(b"%PDF")
    assert TYPE_3.search(contents["pdf"]) is None
    assert b"/FontFile2" in contents["pdf"], "a TrueType font is in the file"
    assert b"<text" not in contents["svg"], "text is outlines, which need no font"
    assert b"<svg" in contents["svg"]
    width = re.search(rb'width="([\d.]+)pt"', contents["svg"])
    assert width is not None
    assert float(width[1]) == pytest.approx(72 * WIDTHS["column"])
