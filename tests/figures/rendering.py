"""What is in a figure, and that it can be drawn."""

import io

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def rendered(figure: Figure) -> None:
    """Warnings of the layout and of the renderer are errors here."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")


def curves_in(axes: Axes) -> dict[str, npt.NDArray[np.float64]]:
    return {str(line.get_label()): np.asarray(line.get_xydata(), dtype=float) for line in axes.get_lines()}
