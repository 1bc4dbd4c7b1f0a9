"""A sweep's findings as matplotlib figures, for PNG files and TensorBoard."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradexp.sweeps.report.bands import SPREAD, Band
from gradexp.sweeps.report.comparison.figure import figure as comparison_figure
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.importance import NO_AXES
from gradexp.sweeps.report.learning_curves import Curve
from gradexp.sweeps.report.search_figures import search_figures

SIZE = (7.5, 4.5)
SPREAD_OVER = ": mean ± standard deviation over {}s"
COMPARISON = "sweep/compare"  # the tag of its figure


def sweep_figures(findings: Findings) -> dict[str, Figure]:
    """The figures that the sweep has something to show in, by tag."""
    drawn = {}
    if findings.rates:
        drawn["sweep/learning_rate"] = learning_rate(findings)
    if findings.penalties is not None:
        drawn["sweep/penalties"] = penalties(findings)
    if findings.curves.by_tag:
        drawn["sweep/curves"] = learning_curves(findings)
    if findings.times is not None:
        drawn["sweep/time"] = time(findings)
    if findings.importance:
        drawn["sweep/importance"] = importance(findings)
    if findings.search is not None:
        drawn |= search_figures(findings.search)
    if findings.comparison is not None:
        drawn[COMPARISON] = comparison_figure(findings.comparison)
    return drawn


def learning_rate(findings: Findings) -> Figure:
    """Score against learning rate: one line per optimizer, a band of one standard deviation, diverged rates."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for number, (name, line) in enumerate(findings.rates.items()):
        row = 0.02 + 0.025 * number  # a row of crosses for each optimizer, so that none covers another
        (drawn,) = axes.plot(line.rates, line.means, marker="o", markersize=4, label=name)
        _fill(axes, line.rates, line.band, drawn.get_color())
        axes.plot(
            line.diverged,
            np.full(len(line.diverged), row if findings.up else 1 - row),
            "x",
            transform=axes.get_xaxis_transform(),
            color=drawn.get_color(),
            label="_crosses",
            markersize=5,
            markeredgewidth=1.5,
        )
    monitor = findings.results.score_name
    axes.set(xscale="log", xlabel="optimizer.lr", ylabel=monitor, ylim=findings.limits)
    several = any(line.band.edges for line in findings.rates.values())
    axes.set_title("learning rate" + SPREAD_OVER.format(findings.unit) * several)
    axes.grid(alpha=0.3)
    if any(line.diverged for line in findings.rates.values()):
        axes.plot([], [], "x", color="#444444", label=f"a {findings.unit} diverged")
    figure.legend(loc="outside lower center", ncols=4, fontsize=9)
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
            spread = grid.band.spread[row * len(grid.l2) + column]
            text = f"{score:.4g}" + (f"\n± {spread:.2g}" if spread is not None else "")
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    axes.set(xlabel="regularizer.l2", ylabel="regularizer.l1", title=findings.results.score_name)
    figure.colorbar(image, ax=axes)
    return figure


def learning_curves(findings: Findings) -> Figure:
    """Curves of the best and the median setting: means over their seeds, with a band of one standard deviation."""
    found = findings.curves
    shown = [name for name in ("best", "median") if name in found.settings]
    means: dict[str, dict[str, Curve]] = {}
    bands = {}
    for tag, by_name in found.by_tag.items():
        for name in shown:
            if name in by_name:
                curve = by_name[name]
                label = f"{name}: {found.settings[name].label}"
                means.setdefault(tag, {})[label] = (
                    curve.steps,
                    [np.nan if one is None else one for one in curve.band.mean],
                )
                bands[tag, label] = curve
    figure = curves_by_tag(means)
    for axes, tag in zip(figure.axes, means, strict=True):
        for line in axes.lines:
            curve = bands[tag, str(line.get_label())]
            _fill(axes, curve.steps, curve.band, line.get_color())
        legend = axes.get_legend()
        if legend is not None:
            legend.remove()  # too wide for a panel; the panels share one
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", fontsize=9)
    if found.several:
        figure.suptitle("learning curves" + SPREAD_OVER.format(findings.unit), fontsize=10)
    return figure


def _fill(axes: Axes, x: Sequence[float], band: Band, color: Any) -> None:
    """A band of one standard deviation; nothing where no point has several seeds."""
    if SPREAD in band.edges:
        low, high = (np.array(edge, float) for edge in band.edges[SPREAD])
        axes.fill_between(x, low, high, alpha=0.15, color=color)


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
    """Score against seconds of fitting, and the line of the settings that no other beats in both.

    One point per setting, with its means; pale, the jobs that they are the means of.
    """
    times = findings.times
    assert times is not None
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    pale = 0.2 if times.several else 0.6
    axes.scatter(times.seconds, times.scores, alpha=pale, s=18, linewidths=0, label="jobs")
    if times.several:
        seconds, scores = [one.seconds for one in times.settings], [one.score for one in times.settings]
        axes.scatter(seconds, scores, alpha=0.7, s=24, color="C0", label=f"settings, means over {findings.unit}s")
    seconds, scores = [one.seconds for one in times.front], [one.score for one in times.front]
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
    """The share of the score's variance that each axis explains, the largest on top; last what no axis explains."""
    shares = findings.importance
    figure = Figure(figsize=(SIZE[0], 1.4 + 0.4 * len(shares)), layout="constrained")
    axes = figure.subplots()
    names = list(shares)[::-1]
    colors = ["#444444" if name in NO_AXES else "C0" for name in names]
    bars = axes.barh(names, [100 * shares[name] for name in names], color=colors)
    axes.bar_label(bars, fmt="%.0f %%", padding=3)
    monitor = findings.results.score_name
    axes.set(xlabel=f"% of the variance of {monitor} explained", xlim=(0, 110), title="what matters")
    return figure
