"""What a sweep has found, as pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.array import Array

SIZE = (7.5, 4.5)


def learning_rate_sensitivity(
    lines: Mapping[str, tuple[Array, Array, Array, Array]], label: str, up: bool, limits: tuple[float, float]
) -> Figure:
    """Scores against the learning rate, a line an optimizer, a band of one standard deviation.

    Args:
        lines: Rates [points], means [points], standard deviations [points], and the rates [any] at which a job
            diverged, which are marked at the edge, by optimizer.
        label: Name of the score.
        up: Whether more is better; the edge for what diverged is that of bad scores.
        limits: The scores to show.
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for name, (rates, means, spreads, diverged) in lines.items():
        (drawn,) = axes.plot(rates, means, marker="o", markersize=4, label=name)
        axes.fill_between(rates, means - spreads, means + spreads, alpha=0.15, color=drawn.get_color())
        axes.plot(
            diverged,
            np.full(len(diverged), 0.02 if up else 0.98),
            "x",
            transform=axes.get_xaxis_transform(),
            color=drawn.get_color(),
            label=f"{name}, diverged" if len(diverged) else "_nothing",
            markersize=8,
            markeredgewidth=2,
        )
    axes.set(xscale="log", xlabel="optimizer.lr", ylabel=label, ylim=limits, title="learning rate")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    return figure


def penalty_map(
    l1: Sequence[float], l2: Sequence[float], scores: Array, label: str, up: bool, limits: tuple[float, float]
) -> Figure:
    """Scores over the two penalties; what has none is blank.

    Args:
        l1: Values of the rows.
        l2: Values of the columns.
        scores: Scores [l1, l2], NaN where there is none.
        label: Name of the score.
        up: Whether more is better; good is bright.
        limits: The scores that the colours are for.
    """
    figure = Figure(figsize=(1.6 + 0.95 * len(l2), 1.6 + 0.7 * len(l1)), layout="constrained")
    axes = figure.subplots()
    low, high = limits
    cmap = "viridis" if up else "viridis_r"
    image = axes.imshow(scores, cmap=cmap, vmin=low, vmax=high, aspect="auto", origin="lower")
    axes.set_xticks(range(len(l2)), [f"{value:g}" for value in l2])
    axes.set_yticks(range(len(l1)), [f"{value:g}" for value in l1])
    for row, column in np.ndindex(scores.shape):
        if np.isfinite(scores[row, column]):
            is_bright = (scores[row, column] > low + 0.6 * (high - low)) == up
            colour = "black" if is_bright else "white"
            axes.text(column, row, f"{scores[row, column]:.4g}", ha="center", va="center", color=colour, fontsize=9)
    axes.set(xlabel="regularizer.l2", ylabel="regularizer.l1", title=label)
    figure.colorbar(image, ax=axes)
    return figure


def best_and_median_curves(curves: Mapping[str, Mapping[str, tuple[Array, Array]]]) -> Figure:
    """Curves of a few jobs, a panel a metric.

    Args:
        curves: Steps [points] and values [points], by metric and job.
    """
    figure = Figure(figsize=(SIZE[0] * max(len(curves), 1) * 0.8, SIZE[1]), layout="constrained")
    panels = figure.subplots(1, max(len(curves), 1), squeeze=False)[0]
    for axes, (metric, by_job) in zip(panels, curves.items(), strict=False):
        for job, (steps, values) in by_job.items():
            axes.plot(steps, values, label=job)
        axes.set(xlabel="steps", ylabel=metric)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def time_and_score(
    seconds: Array, scores: Array, front: tuple[Array, Array], label: str, limits: tuple[float, float]
) -> Figure:
    """A point a job, and the line of those that none beats in both.

    Args:
        seconds: Of fitting [jobs].
        scores: [jobs].
        front: Seconds [some] and scores [some] of those.
        label: Name of the score.
        limits: The scores to show.
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.scatter(seconds, scores, alpha=0.6, s=18, label="jobs")
    axes.step(*front, where="post", marker="o", markersize=4, color="#D55E00", label="none faster and better")
    axes.set(xlabel="seconds of fitting", ylabel=label, ylim=limits, title="time against score")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def importance(shares: Mapping[str, float], label: str) -> Figure:
    """The share of a score's variance that each axis explains, the largest on top."""
    figure = Figure(figsize=(SIZE[0], 1.4 + 0.4 * len(shares)), layout="constrained")
    axes = figure.subplots()
    names = list(shares)[::-1]
    bars = axes.barh(names, [100 * shares[name] for name in names])
    axes.bar_label(bars, fmt="%.0f %%", padding=3)
    axes.set(xlabel=f"% of the variance of {label} explained", xlim=(0, 110), title="what matters")
    return figure
