"""Figures as the contents of PNG, SVG and PDF files."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from gradexp.figures.output import output
from gradexp.figures.style import rc

DPI = 300  # of the pixels in SVG and PDF, and of the PNG of a figure for a paper
# Without dates and random names: the same figure gives the same file.
METADATA: Mapping[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def encoded(figure: Figure, formats: Sequence[str]) -> dict[str, bytes]:
    """The contents of a figure's files, by format; the figure is laid out once.

    Fonts are within them: as outlines in SVG, as Type 42 (TrueType) in PDF. Journals refuse Type 3, matplotlib's
    default. Parts that are marked as rasterized, such as a surface of 22,500 facets, become pixels in SVG and PDF.

    Args:
        figure: The figure, whose layout is fixed from then on.
        formats: Out of png, svg and pdf.
    """
    contents = {}
    with mpl.rc_context(rc(output().size)):
        for name in formats:
            contents[name] = _png(figure) if name == "png" else _vector(figure, name)
            figure.set_layout_engine("none")
    return contents


def _png(figure: Figure) -> bytes:
    is_for_paper = output().size is not None
    if is_for_paper:
        figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="png", **({"dpi": (DPI, DPI)} if is_for_paper else {}))
    return content.getvalue()


def _vector(figure: Figure, name: str) -> bytes:
    content, dpi = io.BytesIO(), figure.get_dpi()
    figure.set_dpi(DPI)
    # Figure.savefig would draw the figure twice, once for its layout.
    if name == "svg":
        FigureCanvasSVG(figure).print_svg(content, metadata=METADATA[name])  # type: ignore[no-untyped-call]
    else:
        FigureCanvasPdf(figure).print_pdf(content, metadata=METADATA[name])  # type: ignore[no-untyped-call]
    figure.set_dpi(dpi)
    return content.getvalue()
