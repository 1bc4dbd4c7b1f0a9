"""Curves over steps, epochs and seconds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gradexp.figures.panels import Array

LOG_RATIO = 20.0  # of the largest to the smallest value, above which the axis is logarithmic

Curve = tuple[Array, Array]


def loss_curve(curves: Mapping[str, Curve], title: str) -> Figure:
    """Losses over steps.

    Args:
        curves: Steps [points] and losses [points] by name.
        title: Title of the axes.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, (steps, losses) in curves.items():
        axes.plot(steps, losses, label=name, marker="o" if len(steps) < 30 else None, markersize=3)
    axes.set(xlabel="steps", ylabel="loss", title=title)
    _finish(axes, [losses for _, losses in curves.values()])
    return figure


def cost_comparison(by_epoch: Mapping[str, Curve], by_second: Mapping[str, Curve], title: str) -> Figure:
    """The same costs over epochs and over seconds.

    Args:
        by_epoch: Epochs [points] and costs [points], by name.
        by_second: Seconds [points] and costs [points], by the same names.
        title: Title above both axes.
    """
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2, sharey=True)
    # Batches of one sample take a hundred times as long as full batches, so the axis of seconds is logarithmic, without
    # the start at 0.
    by_second = {name: (seconds[seconds > 0], costs[seconds > 0]) for name, (seconds, costs) in by_second.items()}
    right.set_xscale("log")
    for axes, curves, label in ((left, by_epoch, "epochs"), (right, by_second, "seconds")):
        for name, (x, costs) in curves.items():
            axes.plot(x, costs, label=name, linewidth=1.2)
        axes.set(xlabel=label, ylabel="cost")
        _finish(axes, [costs for _, costs in curves.values()])
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def range_test(rates: Array, losses: Array, suggestion: float | None) -> Figure:
    """The smoothed losses of a range test over its learning rates, with the suggested rate marked.

    Args:
        rates: Learning rates [steps].
        losses: Losses [steps].
        suggestion: The suggested rate; None if there is none.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(rates, losses, label="loss")
    if suggestion is not None:
        label = f"suggestion: {suggestion:.2g}"
        axes.plot(suggestion, np.interp(suggestion, rates, losses), "o", color="#D55E00", markersize=9, label=label)
    axes.set(xlabel="learning rate", ylabel="loss, smoothed", xscale="log", title="learning-rate range test")
    _finish(axes, [losses])
    return figure


def _finish(axes: Axes, values: list[Array]) -> None:
    """Add a logarithmic scale if the values have a large ratio, a grid and a legend."""
    finite = np.concatenate([np.asarray(part) for part in values]) if values else np.zeros(0)
    finite = finite[np.isfinite(finite)]
    if len(finite) and finite.min() > 0 and finite.max() > LOG_RATIO * finite.min():
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if values:
        axes.legend()
