"""Curves over steps, epochs and seconds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gradexp.figures.array import Array

SPREAD = 20.0  # of the values, from which on a logarithmic axis shows more

Curve = tuple[Array, Array]


def loss_curve(curves: Mapping[str, Curve], title: str) -> Figure:
    """The loss over steps, by name of the curve.

    Args:
        curves: Steps [points] and losses [points] of each.
        title: Above the axes.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, (steps, losses) in curves.items():
        axes.plot(steps, losses, label=name, marker="o" if len(steps) < 30 else None, markersize=3)
    axes.set(xlabel="steps", ylabel="loss", title=title)
    _finish(axes, [losses for _, losses in curves.values()])
    return figure


def cost_comparison(by_epoch: Mapping[str, Curve], by_second: Mapping[str, Curve], title: str) -> Figure:
    """The same costs over epochs, and over seconds.

    Args:
        by_epoch: Epochs [points] and costs [points], by name.
        by_second: Seconds [points] and costs [points], by the same names.
        title: Above both.
    """
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2, sharey=True)
    # Single samples take a hundred times as long as full batches, which a logarithmic axis shows, without the start.
    by_second = {name: (places[places > 0], costs[places > 0]) for name, (places, costs) in by_second.items()}
    right.set_xscale("log")
    for axes, curves, label in ((left, by_epoch, "epochs"), (right, by_second, "seconds")):
        for name, (places, costs) in curves.items():
            axes.plot(places, costs, label=name, linewidth=1.2)
        axes.set(xlabel=label, ylabel="cost")
        _finish(axes, [costs for _, costs in curves.values()])
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _finish(axes: Axes, values: list[Array]) -> None:
    together = np.concatenate([np.asarray(part) for part in values]) if values else np.zeros(0)
    together = together[np.isfinite(together)]
    if len(together) and together.min() > 0 and together.max() > SPREAD * together.min():
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if values:
        axes.legend()
