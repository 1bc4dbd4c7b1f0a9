"""Figures of a regression."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.panels import Array, literal

SHOWN = 20  # of the fits


def fitted_lines(inputs: Array, targets: Array, lines: Mapping[str, tuple[float, float]], title: str) -> Figure:
    """Samples with one feature, and fitted straight lines.

    Args:
        inputs: The feature [samples].
        targets: Targets [samples].
        lines: Weight and bias of each line, by name.
        title: Title of the axes.
    """
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    size, zorder = (50, 3) if len(inputs) <= 50 else (10, 1)
    axes.scatter(inputs, targets, s=size, alpha=0.5, color="grey", zorder=zorder, label=f"{len(inputs)} samples")
    ends = np.array([inputs.min(), inputs.max()])
    for style, (name, (weight, bias)) in zip(("-", "--", ":"), lines.items(), strict=False):
        label = f"{name}: {weight:.4g} x" + (f" {bias:+.4g}" if bias else "")
        axes.plot(ends, weight * ends + bias, style, linewidth=2, label=label)
    axes.set(xlabel="x", ylabel="y", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def coefficients(names: Sequence[str], values: Mapping[str, Array], title: str) -> Figure:
    """Coefficients from several sources side by side.

    Args:
        names: Names of the coefficients.
        values: Coefficients [names], by source.
        title: Title of the axes.
    """
    figure = Figure(figsize=(max(6, 0.55 * len(names) + 2), 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(values)
    for number, (name, heights) in enumerate(values.items()):
        axes.bar(np.arange(len(names)) + (number - (len(values) - 1) / 2) * width, heights, width, label=name)
    axes.axhline(0, color="black", linewidth=0.8)
    crowded = max(map(len, names)) > 4
    labels = list(map(literal, names))
    axes.set_xticks(range(len(names)), labels, rotation=45 if crowded else 0, ha="right" if crowded else "center")
    axes.set(ylabel="coefficient", title=title)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    return figure


def predicted_against_true(predicted: Array, true: Array, title: str) -> Figure:
    """Predictions over targets: a perfect regression lies on the diagonal.

    Args:
        predicted: Predictions [samples].
        true: Targets [samples].
        title: Title of the axes.
    """
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(true, predicted, s=12 if len(true) > 50 else 50, alpha=0.5, zorder=3)
    ends = [min(predicted.min(), true.min()), max(predicted.max(), true.max())]
    axes.plot(ends, ends, color="black", linewidth=1, label="predicted = true")
    axes.set(xlabel="true", ylabel="predicted", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def loss_along_weight(weights: Array, losses: Array, path: Array, path_losses: Array, title: str) -> Figure:
    """The loss as a function of a single weight, and the steps of a descent.

    Args:
        weights: Values of the weight [points].
        losses: The loss for each value [points].
        path: The weight at the start and after each step [steps + 1].
        path_losses: The loss at these weights [steps + 1].
        title: Title of the axes.
    """
    figure = Figure(figsize=(7, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(weights, losses, color="grey", label="loss over all samples")
    axes.plot(path, path_losses, "o-", markersize=4, linewidth=0.8, label=f"{len(path) - 1:,} steps")
    axes.annotate("start", (path[0], path_losses[0]), xytext=(8, 8), textcoords="offset points")
    axes.annotate(f"end, w = {path[-1]:.6g}", (path[-1], path_losses[-1]), xytext=(8, 14), textcoords="offset points")
    axes.set(xlabel="w", ylabel="loss", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def resampled_fits(x: Array, fits: Array, truth: Array, sample: tuple[Array, Array], title: str) -> Figure:
    """Some fits, their mean, and the true function: bias is the mean's distance from it, variance the fits' spread.

    Args:
        x: Inputs [points].
        fits: Predictions [models, points].
        truth: The true function [points].
        sample: Inputs [samples] and targets [samples] of the first training set.
        title: Title of the axes.
    """
    figure = Figure(figsize=(7, 4.8), layout="constrained")
    axes = figure.subplots()
    for number, line in enumerate(fits[:SHOWN]):
        label = f"{min(SHOWN, len(fits))} of {len(fits)} fits" if number == 0 else "_nothing"
        axes.plot(x, line, color="#D55E00", alpha=0.3, linewidth=0.8, label=label)
    axes.plot(x, fits.mean(axis=0), color="#0072B2", linewidth=2, label=f"mean of {len(fits)} fits")
    axes.plot(x, truth, color="#1a1a1a", linestyle="--", linewidth=1.5, label="truth")
    axes.scatter(*sample, color="#777777", s=22, zorder=3, label="one training set")
    low, high = min(truth.min(), sample[1].min()), max(truth.max(), sample[1].max())
    margin = 0.4 * (high - low)
    axes.set(xlabel="x", ylabel="y", title=title, ylim=(low - margin, high + margin))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    assert np.isfinite(fits).all()
    return figure
