"""A sweep's findings as matplotlib figures, for PNG files and TensorBoard."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from gradexp.sweeps.report.comparison.figure import figure as comparison_figure
from gradexp.sweeps.report.findings import Curve, Findings

SIZE = (7.5, 4.5)
COMPARISON = "sweep/compare"  # the tag of its figure


def sweep_figures(findings: Findings) -> dict[str, Figure]:
    """The figures that the sweep has something to show in, by tag."""
    drawn = {}
    if findings.rates:
        drawn["sweep/learning_rate"] = learning_rate(findings)
    if findings.penalties is not None:
        drawn["sweep/penalties"] = penalties(findings)
    if findings.curves:
        labels = {name: f"{name}: {label}" for name, label in findings.curve_labels.items()}
        named = {tag: {labels[name]: curve for name, curve in by.items()} for tag, by in findings.curves.items()}
        drawn["sweep/curves"] = curves_by_tag(named)
    if findings.times is not None:
        drawn["sweep/time"] = time(findings)
    if findings.importance:
        drawn["sweep/importance"] = importance(findings)
    if findings.comparison is not None:
        drawn[COMPARISON] = comparison_figure(findings.comparison)
    return drawn


def learning_rate(findings: Findings) -> Figure:
    """Score against learning rate: one line per optimizer, a band of one standard deviation, diverged rates."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for name, line in findings.rates.items():
        means, spreads = np.array(line.means), np.array(line.spreads)
        (drawn,) = axes.plot(line.rates, means, marker="o", markersize=4, label=name)
        axes.fill_between(line.rates, means - spreads, means + spreads, alpha=0.15, color=drawn.get_color())
        axes.plot(
            line.diverged,
            np.full(len(line.diverged), 0.02 if findings.up else 0.98),
            "x",
            transform=axes.get_xaxis_transform(),
            color=drawn.get_color(),
            label=f"{name}, diverged" if line.diverged else "_nothing",
            markersize=8,
            markeredgewidth=2,
        )
    monitor = findings.results.score_name
    axes.set(xscale="log", xlabel="optimizer.lr", ylabel=monitor, ylim=findings.limits, title="learning rate")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    return figure


def penalties(findings: Findings) -> Figure:
    """Scores over the two penalties, good ones bright; a cell without a score is blank."""
    grid = findings.penalties
    assert grid is not None
    scores = np.array(grid.scores, float)
    figure = Figure(figsize=(1.6 + 0.95 * len(grid.l2), 1.6 + 0.7 * len(grid.l1)), layout="constrained")
    axes = figure.subplots()
    low, high = findings.limits
    cmap = "viridis" if findings.up else "viridis_r"
    image = axes.imshow(scores, cmap=cmap, vmin=low, vmax=high, aspect="auto", origin="lower")
    axes.set_xticks(range(len(grid.l2)), [f"{value:g}" for value in grid.l2])
    axes.set_yticks(range(len(grid.l1)), [f"{value:g}" for value in grid.l1])
    for row, column in np.ndindex(scores.shape):
        score = scores[row, column]
        if np.isfinite(score):
            is_bright = (score > low + 0.6 * (high - low)) == findings.up
            color = "black" if is_bright else "white"
            axes.text(column, row, f"{score:.4g}", ha="center", va="center", color=color, fontsize=9)
    axes.set(xlabel="regularizer.l2", ylabel="regularizer.l1", title=findings.results.score_name)
    figure.colorbar(image, ax=axes)
    return figure


def curves_by_tag(curves: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """Curves against steps, one panel per tag.

    Args:
        curves: By tag and label.
    """
    figure = Figure(figsize=(SIZE[0] * len(curves) * 0.8, SIZE[1]), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (tag, by_label) in zip(panels, curves.items(), strict=True):
        for label, (steps, values) in by_label.items():
            axes.plot(steps, values, label=label)
        axes.set(xlabel="steps", ylabel=tag)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def time(findings: Findings) -> Figure:
    """Score against seconds of fitting, one point per job, and the line of the jobs that no other beats in both."""
    times = findings.times
    assert times is not None
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.scatter(times.seconds, times.scores, alpha=0.6, s=18, label="jobs")
    seconds, scores = [job.seconds or 0.0 for job, _ in times.front], [score for _, score in times.front]
    axes.step(seconds, scores, where="post", marker="o", markersize=4, color="#D55E00", label="none faster and better")
    axes.set(
        xlabel="seconds of fitting",
        ylabel=findings.results.score_name,
        ylim=findings.limits,
        title="time against score",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def importance(findings: Findings) -> Figure:
    """The share of the score's variance that each axis explains, the largest on top."""
    shares = findings.importance
    figure = Figure(figsize=(SIZE[0], 1.4 + 0.4 * len(shares)), layout="constrained")
    axes = figure.subplots()
    names = list(shares)[::-1]
    bars = axes.barh(names, [100 * shares[name] for name in names])
    axes.bar_label(bars, fmt="%.0f %%", padding=3)
    monitor = findings.results.score_name
    axes.set(xlabel=f"% of the variance of {monitor} explained", xlim=(0, 110), title="what matters")
    return figure
