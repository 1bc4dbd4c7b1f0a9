"""Fits to many samples of one law, and their bias and variance against complexity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gradexp.figures.array import Array

BIAS, VARIANCE, NOISE, SUM, TRAIN = "#0072B2", "#D55E00", "#777777", "#1a1a1a", "#009E73"
SHOWN = 20  # fits
COLUMNS = 3


@dataclass(frozen=True)
class Complexity:
    """One kind of model from simple to complex.

    Attributes:
        name: Above its panel.
        label: What is meant by complexity.
        x: Complexities, ascending [points].
        bias2: [points].
        variance: [points].
        noise: [points]; None where it is unknown, and part of bias2.
        error: As measured [points].
        error_se: Its standard error [points].
        train: Error on the models' own training sets [points].
    """

    name: str
    label: str
    x: Array
    bias2: Array
    variance: Array
    noise: Array | None
    error: Array
    error_se: Array
    train: Array

    @property
    def total(self) -> Array:
        """What the parts add up to [points]."""
        parts = self.bias2 + self.variance
        return parts if self.noise is None else parts + self.noise


def bias_variance_curves(panels: Sequence[Complexity]) -> Figure:
    """A panel for each kind of model: the parts, their sum, and the measured error, the least one marked."""
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.0 * columns, 4.4 * rows), layout="constrained")
    axes_of = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(axes_of, panels, strict=False):
        # An estimate of a square near zero may be below it, where a logarithmic axis has no place.
        above = panel.bias2 > 0
        axes.plot(panel.x[above], panel.bias2[above], "o-", color=BIAS, markersize=4, label="bias²")
        axes.plot(panel.x, panel.variance, "s-", color=VARIANCE, markersize=4, label="variance")
        if panel.noise is not None:
            axes.plot(panel.x, panel.noise, ":", color=NOISE, label="noise")
        axes.plot(panel.x, panel.total, "-", color=SUM, linewidth=1.2, label="sum")
        axes.errorbar(
            panel.x, panel.error, yerr=panel.error_se, fmt="x", color=SUM, capsize=3, label="measured error, ± s.e."
        )
        axes.plot(panel.x, panel.train, "^--", color=TRAIN, markersize=4, label="training error")
        best = panel.x[int(panel.error.argmin())]
        axes.axvline(best, color=SUM, linestyle=":", linewidth=1, label=f"least error: {best:g}")
        axes.set(xlabel=panel.label, ylabel="squared error", title=panel.name)
        top, bottom = panel.error.max(), panel.error.min()
        if top > 10 * bottom > 0:  # beyond that the minimum could not be seen
            axes.set_yscale("log")
        if panel.x.max() > 20 * panel.x.min() > 0:
            axes.set_xscale("log")
            axes.set_xticks(panel.x, [f"{value:g}" for value in panel.x])
            axes.minorticks_off()
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    for axes in axes_of[len(panels) :]:
        axes.remove()
    return figure


def resampled_fits(x: Array, fits: Array, truth: Array, sample: tuple[Array, Array], title: str) -> Figure:
    """Some of the fits, their mean, and the truth: bias is how far the mean is off, variance how far the fits spread.

    Args:
        x: Places [points].
        fits: [models, points].
        truth: [points].
        sample: Inputs [samples] and targets [samples] of the first training set.
        title: Above the axes.
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
    room = 0.4 * (high - low)
    axes.set(xlabel="x", ylabel="y", title=title, ylim=(low - room, high + room))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    assert np.isfinite(fits).all()
    return figure
