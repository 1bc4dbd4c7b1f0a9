"""Figures of a classifier."""

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from gradexp.figures.layout import area, legend_below, new_figure, new_panels, set_heading, set_title, text_points
from gradexp.figures.output import asked_width
from gradexp.figures.panels import Array
from gradexp.figures.style import BLUE, GREY, MARKERS, ORANGE, PALETTE, literal, styled

NUMBERED = 30  # classes, up to which the cells of a confusion matrix have numbers
ARROW = "\N{RIGHTWARDS ARROW}"


def class_colours(classes: int) -> Colormap:
    """One colour a class: of the palette, or of a scale where there are more classes than it has colours."""
    if classes <= len(PALETTE):
        return ListedColormap(PALETTE[:classes])
    return mpl.colormaps["viridis"].resampled(classes)


@styled
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
    """The predicted class in the plane of two features, and the samples by their true class.

    Each class has its own colour and marker.

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
    figure = new_figure(7.4, 6.2)
    axes = figure.subplots()
    colours = class_colours(len(classes))
    size = area(14 if len(points) > 50 else 60)
    mesh = axes.pcolormesh(x, y, regions, cmap=colours, vmin=0, vmax=len(classes) - 1, alpha=0.25, shading="nearest")
    mesh.set_rasterized(True)
    drawn = []
    for number, name in enumerate(classes):
        first, second = points[targets == number].T
        drawn.append(
            axes.scatter(
                first, second, s=size, color=colours(number), marker=MARKERS[(number + number // 8) % 8],
                edgecolors="black", linewidths=0.3, label=literal(name),
            )
        )  # fmt: skip
    axes.set(xlabel=literal(axis_labels[0]), ylabel=literal(axis_labels[1]))
    set_title(axes, title)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    legend_below(axes, drawn, heading="background: predicted class; markers: true class")
    return figure


@styled
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
    figure, (left, right) = new_panels(2, 2, 6.5, 5.0)
    left.step(weights, accuracy, where="mid", color=BLUE, label="accuracy: flat, then a jump")
    left.set(xlabel=literal(weight_name), ylabel="accuracy")
    left.set_ylim(top=min(left.get_ylim()[1], 1.0))
    set_title(left, "Over all training samples")
    smooth = left.twinx()
    smooth.plot(weights, loss, color=ORANGE, linestyle="--", label="cross-entropy: a slope everywhere")
    smooth.set_ylabel("cross-entropy")
    left.axvline(learned, color=GREY, linestyle=":", label="learned")
    legend_below(left, [*left.get_legend_handles_labels()[0], *smooth.get_legend_handles_labels()[0]])

    probability = np.linspace(0.3, 0.7, 401)
    right.plot(probability, probability > 0.5, color=BLUE, label="accuracy of the sample")
    right.plot(probability, -np.log(probability), "--", color=ORANGE, label="its cross-entropy, \N{MINUS SIGN}log p")
    lines = []
    for letter, ((before, after), losses) in zip("AB", moves.items(), strict=False):
        (step,) = right.plot([before, after], losses, "o-", color="black")
        right.annotate(
            letter, ((before + after) / 2, sum(losses) / 2), xytext=(0, 7), textcoords="offset points", ha="center",
            weight="bold",
        )  # fmt: skip
        step.set_label(
            f"{letter}: p {before:g} {ARROW} {after:g}, accuracy {int(before > 0.5)} {ARROW} {int(after > 0.5)}, "
            f"cross-entropy {losses[0]:.4f} {ARROW} {losses[1]:.4f}"
        )
        lines.append(step)
    right.set(xlabel="probability p of the right class")
    set_title(right, "One sample, and two small steps of it")
    legend_below(right, [*right.get_lines()[:2], *lines])
    return figure


@styled
def confusion_matrix(counts: npt.NDArray[np.integer], classes: Sequence[str]) -> Figure:
    """Samples by true class (rows) and predicted class (columns).

    Colours show the share of each row, so that rare classes are as visible as frequent ones; the numbers are counts.

    Args:
        counts: Samples [classes, classes].
        classes: Names by class number.
    """
    n = len(classes)
    side = asked_width() or max(4.5, 0.5 * min(n, NUMBERED) + 2)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = list(map(literal, classes))
    longest = max(map(len, classes))
    cell = (side - 0.9) / n
    every = math.ceil(1.2 * text_points("small") / 72 / cell)  # labels that do not overlap
    axes.set_xticks(range(0, n, every), names[::every], rotation=90 if longest > 2 else 0)
    axes.set_yticks(range(0, n, every), names[::every])
    digits = len(str(int(counts.max(initial=0))))
    if n <= NUMBERED and cell > 0.6 * digits * text_points("small") / 72:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize="small"
            )
            text.set_in_layout(False)  # it lies inside the axes; measuring all of them takes a tenth of the time
    axes.set(xlabel="predicted (colour: share of the true class)", ylabel="true")
    set_heading(figure, f"Confusion matrix: accuracy {np.trace(counts) / max(counts.sum(), 1):.2%}")
    return figure
