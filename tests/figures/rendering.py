"""Rendering figures, and reading back what they show."""

import io

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def render(figure: Figure) -> None:
    """Render a figure; warnings of the layout and of the renderer are errors in tests."""
    assert isinstance(figure, Figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")


def curves_in(axes: Axes) -> dict[str, npt.NDArray[np.float64]]:
    """The points of each line [points, 2], by label."""
    return {str(line.get_label()): np.asarray(line.get_xydata(), dtype=float) for line in axes.get_lines()}


def legend_of(holder: Axes | Figure) -> list[str]:
    """The entries of the legend."""
    legend = holder.get_legend() if isinstance(holder, Axes) else holder.legends[0]
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]
