"""Figures of a classifier."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from gradexp.figures.panels import Array, literal


def decision_boundary(
    x: Array,
    y: Array,
    regions: npt.NDArray[np.integer],
    points: Array,
    targets: npt.NDArray[np.integer],
    classes: Sequence[str],
    axis_labels: tuple[str, str],
    title: str,
) -> Figure:
    """The predicted class in the plane of two features, and the samples coloured by their true class.

    Args:
        x: Coordinates of the grid along the first axis [columns].
        y: Coordinates of the grid along the second axis [rows].
        regions: Predicted class on the grid [rows, columns].
        points: Samples [samples, 2].
        targets: Their classes [samples].
        classes: Names by class number.
        axis_labels: Labels of the axes.
        title: Title of the axes.
    """
    figure = Figure(figsize=(7.4, 5.8), layout="constrained")
    axes = figure.subplots()
    if len(classes) <= 10:
        colours: Colormap = ListedColormap(mpl.colormaps["tab10"].colors[: len(classes)])  # type: ignore[attr-defined]
    else:
        colours = mpl.colormaps["tab20"].resampled(len(classes))
    size = 14 if len(points) > 50 else 60
    axes.pcolormesh(x, y, regions, cmap=colours, vmin=0, vmax=len(classes) - 1, alpha=0.25, shading="nearest")
    for number, name in enumerate(classes):
        first, second = points[targets == number].T
        axes.scatter(
            first, second, s=size, color=colours(number), edgecolors="black", linewidths=0.3, label=literal(name)
        )
    axes.set(xlabel=literal(axis_labels[0]), ylabel=literal(axis_labels[1]), title=title)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.legend(title="true class", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return figure


def accuracy_and_loss(
    weights: Array,
    accuracy: Array,
    loss: Array,
    learned: float,
    weight_name: str,
    moves: Mapping[tuple[float, float], tuple[float, float]],
) -> Figure:
    """Why accuracy cannot be the objective: along one weight it is piecewise constant, while the loss is smooth.

    Args:
        weights: Values of one weight [points].
        accuracy: Accuracy over all samples for each value [points].
        loss: Loss for each value [points].
        learned: The learned value.
        weight_name: Name of the weight.
        moves: For one sample of class 1, the loss (before, after) by its probability (before, after).
    """
    figure = Figure(figsize=(13, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.step(weights, accuracy, where="mid", color="tab:blue", label="accuracy: flat, then a jump")
    left.set(xlabel=literal(weight_name), ylabel="accuracy", title="over all training samples")
    smooth = left.twinx()
    smooth.plot(weights, loss, color="tab:red", label="cross-entropy: a slope everywhere")
    smooth.set_ylabel("cross-entropy")
    left.axvline(learned, color="grey", linestyle=":", label="learned")
    handles = [*left.get_legend_handles_labels()[0], *smooth.get_legend_handles_labels()[0]]
    left.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)

    probability = np.linspace(0.3, 0.7, 401)
    right.plot(probability, probability > 0.5, color="tab:blue", label="accuracy of the sample")
    right.plot(probability, -np.log(probability), color="tab:red", label="its cross-entropy, -log p")
    for height, ((before, after), losses) in zip((0.3, 0.05), moves.items(), strict=False):
        right.plot([before, after], losses, "o-", color="black", markersize=4)
        right.annotate(
            f"p {before:g} -> {after:g}\naccuracy {int(before > 0.5)} -> {int(after > 0.5)}\n"
            f"cross-entropy {losses[0]:.4f} -> {losses[1]:.4f}",
            ((before + after) / 2, sum(losses) / 2),
            xytext=(0.31, height), fontsize=9, arrowprops={"arrowstyle": "->", "color": "grey"},
        )  # fmt: skip
    right.set(xlabel="probability p of the right class", title="one sample")
    right.legend(loc="upper right")
    return figure


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
    names = list(map(literal, classes))
    axes.set_xticks(range(n), names, rotation=90 if max(map(len, classes)) > 2 else 0)
    axes.set_yticks(range(n), names)
    if n <= 30:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
            text.set_in_layout(False)  # it lies inside the axes; measuring all of them takes a tenth of the time
    axes.set(xlabel="predicted", ylabel="true", title=f"accuracy {np.trace(counts) / max(counts.sum(), 1):.2%}")
    return figure
