"""A comparison as a figure: every seed a dot, with mean, interval and verdict."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gradexp.figures.layout import rows_figure, set_heading, shared_legend, wrapped
from gradexp.figures.output import asked_width
from gradexp.figures.style import BLUE, INK, ORANGE, literal, styled
from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.table import rows
from gradexp.sweeps.report.metric_axes import end_at_bounds

if TYPE_CHECKING:
    from gradexp.sweeps.report.findings import Findings

MOST = 20  # settings
COLOURS = (BLUE, ORANGE)  # of the others and of the reference
MARKERS = ("o", "D")
LABELS = 0.45  # of the width, what the labels take at most
VERDICTS = 0.14  # of the width, for the verdicts on the right
LINES = 3  # of a label


def of_findings(findings: "Findings") -> Figure | None:
    """The figure of a sweep's comparison; None if it has none, or one seed of each setting."""
    found = findings.comparison
    return figure(found) if found is not None and found.has_repeats else None


@styled
def figure(comparison: Comparison) -> Figure:
    """Every score a dot, the mean a line, its 95 % interval a bar; the best settings on top, the reference marked.

    On the right is the verdict on each setting beside the reference, if any pair has one.
    """
    numbers = [*range(len(comparison.settings))][:MOST]
    if comparison.reference >= MOST:
        numbers[-1] = comparison.reference
    shown = [comparison.settings[number] for number in numbers]
    reference = comparison.settings[comparison.reference]
    width = asked_width() or 7.5
    labels = _labels([one.label for one in shown], LABELS * width)
    table = rows(comparison)
    verdicts = [wrapped(table[number].verdict, VERDICTS * width) for number in numbers]
    most = max(label.count("\n") + 1 for label in [*labels, *verdicts])
    drawn = rows_figure(7.5, 1.6, max(0.38, 0.16 * most), len(shown))
    axes = drawn.subplots()
    for place, one in enumerate(shown):
        colour, marker = COLOURS[one is reference], MARKERS[one is reference]
        scores = np.array(list(one.scores.values()))
        offsets = 0.22 * np.sin(2.4 * np.arange(len(scores)))  # so that equal scores stay visible
        axes.plot(scores, place + offsets, marker, alpha=0.6, color=colour, linestyle="", markeredgewidth=0)
        axes.plot([one.mean] * 2, [place - 0.35, place + 0.35], color=colour, linewidth=2)
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [place, place], color=colour, linewidth=1, marker="|", markersize=6)
    axes.set_yticks(range(len(shown)), list(map(literal, labels)), fontsize="small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    if comparison.is_judged:
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(shown)), verdicts, fontsize="small")
        right.tick_params(length=0)
    more = len(comparison.settings) - len(shown)
    axes.set_xlabel(comparison.metric.name)
    end_at_bounds(axes, comparison.metric.name, "x")
    text = f"Settings compared: every {comparison.unit} a dot" + (
        f"; the best {MOST} settings, {more} more not shown" if more else ""
    )
    set_heading(drawn, text)
    axes.grid(axis="x")
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=label)
        for colour, marker, label in zip(
            COLOURS, MARKERS, (f"{comparison.unit}s of a setting", "of the reference"), strict=True
        )
    ]
    handles.append(Line2D([], [], color=INK, linewidth=2, marker="|", label="mean and its 95 % interval"))
    shared_legend(drawn, handles)
    return drawn


def _labels(settings: Sequence[str], inches: float) -> list[str]:
    """The settings in lines of this width; without the sections of their keys where these leave no room."""
    labels = [wrapped(setting, inches, lines=LINES) for setting in settings]
    if any("…" in label for label in labels):
        short = [re.sub(r"[\w.]+\.(\w+)=", r"\1=", setting) for setting in settings]
        if len(set(short)) == len(set(settings)):
            labels = [wrapped(setting, inches, lines=LINES) for setting in short]
    return labels
