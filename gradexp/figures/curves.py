"""Curves over steps, epochs and seconds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gradexp.figures.layout import legend_below, new_figure, new_panels, set_heading, set_title, shared_legend
from gradexp.figures.panels import Array
from gradexp.figures.style import ORANGE, draw_line, number_text, styled

LOG_RATIO = 20.0  # of the largest to the smallest value, above which the axis is logarithmic

Curve = tuple[Array, Array]


@styled
def loss_curve(curves: Mapping[str, Curve]) -> Figure:
    """Losses over steps.

    Args:
        curves: Steps [points] and losses [points] by name.
    """
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    for place, (name, (steps, losses)) in enumerate(curves.items()):
        draw_line(axes, steps, losses, place, name)
    axes.set(xlabel="steps", ylabel="loss")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    set_title(axes, "Loss of training and validation" if len(curves) > 1 else "Loss")
    scale_to(axes, [losses for _, losses in curves.values()])
    legend_below(axes)
    return figure


@styled
def cost_comparison(by_epoch: Mapping[str, Curve], by_second: Mapping[str, Curve], title: str) -> Figure:
    """The same costs over epochs and over seconds.

    Args:
        by_epoch: Epochs [points] and costs [points], by name.
        by_second: Seconds [points] and costs [points], by the same names.
        title: Title above both axes.
    """
    figure, (left, right) = new_panels(2, 2, 6, 4.8, sharey=True)
    set_heading(figure, title)
    # Batches of one sample take a hundred times as long as full batches, so the axis of seconds is logarithmic, without
    # the start at 0.
    from_zero = any((seconds <= 0).any() for seconds, _ in by_second.values())
    by_second = {name: (seconds[seconds > 0], costs[seconds > 0]) for name, (seconds, costs) in by_second.items()}
    right.set_xscale("log")
    label = "seconds" + " (logarithmic: the start at 0 is left out)" * from_zero
    for axes, curves, name_of_x in ((left, by_epoch, "epochs"), (right, by_second, label)):
        for place, (name, (x, costs)) in enumerate(curves.items()):
            draw_line(axes, x, costs, place, name)
        axes.set(xlabel=name_of_x, ylabel="cost")
        scale_to(axes, [costs for _, costs in curves.values()])
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    shared_legend(figure, left.get_legend_handles_labels()[0])
    return figure


@styled
def range_test(rates: Array, losses: Array, suggestion: float | None) -> Figure:
    """The smoothed losses of a range test over its learning rates, with the suggested rate marked.

    Args:
        rates: Learning rates [steps].
        losses: Losses [steps].
        suggestion: The suggested rate; None if there is none.
    """
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    axes.plot(rates, losses, label="loss")
    if suggestion is not None:
        label = f"suggestion: {number_text(suggestion, 2)}"
        axes.plot(suggestion, np.interp(suggestion, rates, losses), "o", color=ORANGE, label=label)
    axes.set(xlabel="learning rate", ylabel="loss, smoothed", xscale="log")
    set_title(axes, "Learning-rate range test")
    scale_to(axes, [losses])
    legend_below(axes)
    return figure


def scale_to(axes: Axes, values: list[Array]) -> None:
    """Add a grid, and a logarithmic scale if the values have a large ratio."""
    finite = np.concatenate([np.asarray(part) for part in values]) if values else np.zeros(0)
    finite = finite[np.isfinite(finite)]
    if len(finite) and finite.min() > 0 and finite.max() > LOG_RATIO * finite.min():
        axes.set_yscale("log")
    axes.grid()
