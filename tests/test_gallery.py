"""Every figure that the package draws can be printed: its text is large enough and within it, its fonts embed."""

import inspect
import re

import pytest
from matplotlib.figure import Figure

from gradexp import figures
from gradexp.figures.encoding import encoded
from gradexp.figures.output import WIDTHS, figures_as
from gradexp.sweeps.report.matplotlib_figures import SWEEP_FIGURES
from gradexp.sweeps.report.studies import study_names
from tests.gallery.faults import faults
from tests.gallery.of_runs import run_figures
from tests.gallery.of_sweeps import sweep_figures

GALLERY = run_figures() | sweep_figures()
PARTS = 4  # tests that share the work
TYPE_3 = re.compile(rb"/Type3\b|/FontType\s+3")


def test_the_gallery_has_every_figure_of_the_package() -> None:
    drawing = {name for name in figures.__all__ if inspect.isfunction(getattr(figures, name))}
    drawn = {name.partition(",")[0] for name in GALLERY}
    assert drawn == drawing | SWEEP_FIGURES.keys() | set(study_names())


def sizes(place: int) -> list[str | None]:
    """The narrowest size, and for every fifth figure one of the others: `python -m tests.gallery` checks all."""
    return ["column", *[["page", None][place % 2]] * (place % 5 == 0)]


@pytest.mark.parametrize("part", range(PARTS))
def test_text_is_large_enough_and_within_the_figure(part: int) -> None:
    figures_of_part = list(enumerate(GALLERY.items()))[part::PARTS]
    found = [
        f"{name}, {size}: {fault}"
        for place, (name, draw) in figures_of_part
        for size in sizes(place)
        for fault in faults(draw, size)
    ]
    assert not found, "\n".join(found)


def test_faults_are_found() -> None:
    def draw() -> Figure:
        figure = Figure(figsize=(3, 2))
        axes = figure.subplots()
        axes.set(yscale="log", ylim=(1e-5, 1))
        axes.text(0.5, 0.5, "small", fontsize=6.9)
        axes.text(0.9, 0.5, "-1 -> 2 and much more than fits", fontsize=9)
        axes.text(0, 0.5, "best-of-three", fontsize=7)
        return figure

    found = "\n".join(faults(draw, "column"))
    assert "it is 3.0 inches wide" in found
    assert "'small' has 6.9 points" in found
    assert "10^{-4}" in found, "an exponent has 0.7 times the size"
    assert "'-1 -> 2 and much more than fits' has a hyphen" in found
    assert "'-1 -> 2 and much more than fits' is cut off" in found
    assert "best-of-three" not in found


@pytest.mark.parametrize("name", ["loss_curve", "surface_3d", "sweep/coordinates"])
def test_fonts_are_embedded(name: str) -> None:
    with figures_as(size="column"):
        contents = encoded(GALLERY[name](), ("svg", "pdf"))
    assert contents["pdf"].startswith(b"%PDF")
    assert TYPE_3.search(contents["pdf"]) is None
    assert b"/FontFile2" in contents["pdf"], "a TrueType font is in the file"
    assert b"<text" not in contents["svg"], "text is outlines, which need no font"
    width = re.search(rb'<svg [^>]*width="([\d.]+)pt"', contents["svg"])
    assert width is not None
    assert float(width[1]) == pytest.approx(72 * WIDTHS["column"])
