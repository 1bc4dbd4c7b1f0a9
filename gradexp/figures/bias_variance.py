"""Fits to many training sets from one distribution."""

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.array import Array

BIAS, VARIANCE, NOISE, SUM = "#0072B2", "#D55E00", "#777777", "#1a1a1a"
SHOWN = 20  # of the fits


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
        axes.plot(x, line, color=VARIANCE, alpha=0.3, linewidth=0.8, label=label)
    axes.plot(x, fits.mean(axis=0), color=BIAS, linewidth=2, label=f"mean of {len(fits)} fits")
    axes.plot(x, truth, color=SUM, linestyle="--", linewidth=1.5, label="truth")
    axes.scatter(*sample, color=NOISE, s=22, zorder=3, label="one training set")
    low, high = min(truth.min(), sample[1].min()), max(truth.max(), sample[1].max())
    margin = 0.4 * (high - low)
    axes.set(xlabel="x", ylabel="y", title=title, ylim=(low - margin, high + margin))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    assert np.isfinite(fits).all()
    return figure
