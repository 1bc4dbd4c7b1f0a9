"""Weights, zeros and errors along a penalty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradexp.figures.array import Array

TRAIN, VAL, BEST = "#0072B2", "#D55E00", "#009E73"
FEW = 12  # lines that a legend has room for


@dataclass(frozen=True)
class PenaltyPath:
    """One model over a grid of one penalty.

    Attributes:
        name: In front of its row.
        strengths: Of the penalty, ascending; 0 stands beside the smallest.
        weights: Lines [strengths] of weights, or of norms of layers, by name.
        weights_label: What the lines are.
        zero: Share of weights that are exactly zero [strengths].
        small: Share of weights below `threshold` [strengths].
        threshold: The size below which a weight is small.
        train: Error on the training samples [strengths].
        val: Error on the validation samples [strengths].
        error_label: What the errors are.
        best: Which strength has the smallest validation error.
    """

    name: str
    strengths: Sequence[float]
    weights: Mapping[str, Array]
    weights_label: str
    zero: Array
    small: Array
    threshold: float
    train: Array
    val: Array
    error_label: str
    best: int


def penalty_paths(paths: Sequence[PenaltyPath], penalty: str) -> Figure:
    """A row a model: its weights, its zeros, its errors, each against the penalty's strength; the best is marked.

    Args:
        paths: What is drawn.
        penalty: Name of the penalty.
    """
    figure = Figure(figsize=(13.5, 3.5 * len(paths)), layout="constrained")
    rows = figure.subplots(len(paths), 3, squeeze=False)
    for (left, middle, right), path in zip(rows, paths, strict=True):
        places = np.arange(len(path.strengths))
        for name, values in path.weights.items():
            left.plot(places, values, label=name, linewidth=1.3)
        left.axhline(0, color="black", linewidth=0.6)
        left.set(ylabel=path.weights_label, title=path.name)
        if 1 < len(path.weights) <= FEW:
            left.legend(fontsize=7, ncols=2)
        middle.plot(places, 100 * path.zero, "o-", color=TRAIN, label="exactly 0", markersize=4)
        middle.plot(places, 100 * path.small, "s--", color=VAL, label=f"below {path.threshold:g}", markersize=4)
        middle.set(ylabel="% of the weights", ylim=(-4, 104), title="sparsity")
        middle.legend(fontsize=8)
        right.plot(places, path.train, "o-", color=TRAIN, label="training", markersize=4)
        right.plot(places, path.val, "s-", color=VAL, label="validation", markersize=4)
        right.set(ylabel=path.error_label, title=f"best {penalty}: {path.strengths[path.best]:g}")
        if path.val.min() > 0 and path.train.min() > 0 and path.val.max() > 20 * path.train.min():
            right.set_yscale("log")
        for axes in (left, middle, right):
            _finish(axes, path, penalty)
        right.legend(fontsize=8)
    return figure


def _finish(axes: Axes, path: PenaltyPath, penalty: str) -> None:
    axes.axvline(path.best, color=BEST, linestyle=":", linewidth=1.5, label="best by validation")
    axes.set_xticks(range(len(path.strengths)), [f"{value:g}" for value in path.strengths], rotation=45, fontsize=8)
    axes.set_xlabel(penalty)
    axes.grid(alpha=0.3)
