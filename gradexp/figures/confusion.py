"""The confusion matrix of a classifier."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure


def confusion_matrix(counts: npt.NDArray[np.integer], classes: Sequence[str]) -> Figure:
    """Samples by true class (rows) and predicted class (columns).

    Colours show the share of each row, so that rare classes are as visible as frequent ones; the numbers are counts.

    Args:
        counts: Samples [classes, classes].
        classes: Names by class number.
    """
    n = len(classes)
    side = max(4.0, 0.5 * n + 2)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(n), classes, rotation=90 if max(map(len, classes)) > 2 else 0)
    axes.set_yticks(range(n), classes)
    if n <= 30:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true", title=f"accuracy {np.trace(counts) / max(counts.sum(), 1):.2%}")
    return figure
