"""Figures of a regression."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.layout import area, legend_below, new_figure, rows_figure, set_title, text_points
from gradexp.figures.output import asked_width
from gradexp.figures.panels import Array
from gradexp.figures.style import BLUE, GREY, INK, ORANGE, PALETTE, draw_line, literal, number_text, styled
from gradexp.rules.words import counted

SHOWN = 20  # of the fits
HATCHES = ("", "//", "..", "xx")
CROWDED = 0.16  # inches of a bar whose name has no room below it


@styled
def fitted_lines(inputs: Array, targets: Array, lines: Mapping[str, tuple[float, float]], title: str) -> Figure:
    """Samples with one feature, and fitted straight lines.

    Args:
        inputs: The feature [samples].
        targets: Targets [samples].
        lines: Weight and bias of each line, by name.
        title: Title of the axes.
    """
    figure = new_figure(7, 5)
    axes = figure.subplots()
    size, zorder = (50, 3) if len(inputs) <= 50 else (10, 1)
    label = counted(len(inputs), "sample")
    axes.scatter(inputs, targets, s=area(size), alpha=0.5, color=GREY, zorder=zorder, label=label)
    ends = np.array([inputs.min(), inputs.max()])
    for place, (name, (weight, bias)) in enumerate(lines.items()):
        sign = "+" if bias > 0 else "\N{MINUS SIGN}"
        label = f"{name}: {number_text(weight)} x" + (f" {sign} {number_text(abs(bias))}" if bias else "")
        draw_line(axes, ends, weight * ends + bias, place, label, marker=None)
    axes.set(xlabel="x", ylabel="y")
    set_title(axes, title)
    axes.grid()
    legend_below(axes)
    return figure


@styled
def coefficients(names: Sequence[str], values: Mapping[str, Array], title: str) -> Figure:
    """Coefficients from several sources side by side.

    Args:
        names: Names of the coefficients.
        values: Coefficients [names], by source.
        title: Title of the axes.
    """
    natural = max(6, 0.55 * len(names) + 2)
    width = asked_width() or natural
    labels = list(map(literal, names))
    places, thick = np.arange(len(names)), 0.8 / len(values)
    lies = (width - 1) / len(names) < CROWDED  # then the bars lie, and each name is beside its bars
    figure = rows_figure(width, 1.2, 0.17, len(names)) if lies else new_figure(width, min(4.5, 0.8 * width))
    axes = figure.subplots()
    for place, (name, heights) in enumerate(values.items()):
        at = places + (place - (len(values) - 1) / 2) * thick
        look: dict[str, Any] = {
            "label": name,
            "color": PALETTE[place],
            "hatch": HATCHES[place % 4],
            "edgecolor": "white",
            "linewidth": 0,
        }
        if lies:
            axes.barh(at, heights, thick, **look)
        else:
            axes.bar(at, heights, thick, **look)
    if lies:
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(places, labels)
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="coefficient")
    else:
        axes.axhline(0, color="black", linewidth=0.8)
        crowded = max(map(len, names)) * 0.6 * text_points("small") / 72 > (width - 1) / len(names)
        axes.set_xticks(places, labels, rotation=90 if crowded else 0)
        axes.set(ylabel="coefficient")
    set_title(axes, title)
    axes.grid(axis="x" if lies else "y")
    legend_below(axes)
    return figure


@styled
def predicted_against_true(predicted: Array, true: Array, title: str) -> Figure:
    """Predictions over targets: a perfect regression lies on the diagonal.

    Args:
        predicted: Predictions [samples].
        true: Targets [samples].
        title: Title of the axes.
    """
    figure = new_figure(5.5, 5.5)
    axes = figure.subplots()
    size = area(12 if len(true) > 50 else 50)
    axes.scatter(true, predicted, s=size, alpha=0.5, zorder=3, color=BLUE, label="a sample")
    ends = [min(predicted.min(), true.min()), max(predicted.max(), true.max())]
    axes.plot(ends, ends, color="black", linewidth=1, label="predicted = true")
    axes.set(xlabel="true", ylabel="predicted")
    set_title(axes, title)
    axes.grid()
    legend_below(axes)
    return figure


@styled
def loss_along_weight(weights: Array, losses: Array, path: Array, path_losses: Array, title: str) -> Figure:
    """The loss as a function of a single weight, and the steps of a descent.

    Args:
        weights: Values of the weight [points].
        losses: The loss for each value [points].
        path: The weight at the start and after each step [steps + 1].
        path_losses: The loss at these weights [steps + 1].
        title: Title of the axes.
    """
    figure = new_figure(7, 4.8)
    axes = figure.subplots()
    axes.plot(weights, losses, color=GREY, label="loss over all samples")
    axes.plot(path, path_losses, "o-", color=BLUE, linewidth=0.8, label=counted(len(path) - 1, "step"))
    ends = ((0, f"start, w = {number_text(path[0], 6)}", "s"), (-1, f"end, w = {number_text(path[-1], 6)}", "D"))
    for place, label, marker in ends:
        axes.plot(path[place], path_losses[place], marker, color=ORANGE, linestyle="", label=label, zorder=3)
    axes.set(xlabel="w", ylabel="loss")
    set_title(axes, title)
    axes.grid()
    legend_below(axes)
    return figure


@styled
def resampled_fits(x: Array, fits: Array, truth: Array, sample: tuple[Array, Array], title: str) -> Figure:
    """Some fits, their mean, and the true function: bias is the mean's distance from it, variance the fits' spread.

    Args:
        x: Inputs [points].
        fits: Predictions [models, points].
        truth: The true function [points].
        sample: Inputs [samples] and targets [samples] of the first training set.
        title: Title of the axes.
    """
    figure = new_figure(7, 4.8)
    axes = figure.subplots()
    for number, line in enumerate(fits[:SHOWN]):
        label = f"{min(SHOWN, len(fits))} of {len(fits)} fits" if number == 0 else "_nothing"
        axes.plot(x, line, color=ORANGE, alpha=0.3, linewidth=0.8, label=label)
    axes.plot(x, fits.mean(axis=0), color=BLUE, linewidth=2, label=f"mean of {len(fits)} fits")
    axes.plot(x, truth, color=INK, linestyle="--", label="truth")
    axes.scatter(*sample, color=GREY, s=area(22), zorder=3, label="one training set")
    low, high = min(truth.min(), sample[1].min()), max(truth.max(), sample[1].max())
    margin = 0.4 * (high - low)
    axes.set(xlabel="x", ylabel="y", ylim=(low - margin, high + margin))
    set_title(axes, title)
    axes.grid()
    legend_below(axes)
    assert np.isfinite(fits).all()
    return figure
