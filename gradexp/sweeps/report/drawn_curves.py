"""Scores against learning rates and against steps: means over seeds with their bands."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gradexp.figures.curves import scale_to
from gradexp.figures.layout import legend_below, new_figure, new_panels, set_heading, set_title, shared_legend
from gradexp.figures.style import GREY, INK, draw_line, styled
from gradexp.sweeps.report.bands import SPREAD, Band
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.learning_curves import Curve
from gradexp.sweeps.report.metric_axes import end_at_bounds

SIZE = (7.5, 4.5)
PANEL = (6.0, 4.2)


@styled
def learning_rate(findings: Findings) -> Figure | None:
    """Score against learning rate: one line per optimizer, a band of one standard deviation, diverged rates."""
    if not findings.rates:
        return None
    figure = new_figure(*SIZE)
    axes = figure.subplots()
    low, high = findings.limits
    outside = 0
    for place, (name, line) in enumerate(findings.rates.items()):
        drawn = draw_line(axes, line.rates, line.means, place, name, markevery=None)
        _fill(axes, line.rates, line.band, drawn.get_color())
        row = 0.02 + 0.03 * place  # a row of crosses for each optimizer, so that none covers another
        axes.plot(
            line.diverged, np.full(len(line.diverged), row if findings.up else 1 - row), "x", color=drawn.get_color(),
            transform=axes.get_xaxis_transform(), label="_crosses",
        )  # fmt: skip
        outside += sum(not low <= mean <= high for mean in line.means)
    axes.set(xscale="log", xlabel="optimizer.lr", ylabel=findings.results.score_name, ylim=findings.limits)
    set_title(axes, "Score of the best setting at each learning rate")
    axes.grid()
    handles: list[Any] = axes.get_legend_handles_labels()[0]
    if any(SPREAD in line.band.edges for line in findings.rates.values()):
        handles.append(_shade(findings.unit))
    if any(line.diverged for line in findings.rates.values()):
        handles.append(Line2D([], [], color=INK, marker="x", linestyle="", label="x at the edge: a job diverged"))
    if outside:
        handles.append(Line2D([], [], linestyle="", label=f"{outside} far worse scores lie outside the axis"))
    legend_below(axes, handles)
    return figure


@styled
def learning_curves(findings: Findings) -> Figure | None:
    """Curves of the best and the median setting: means over their seeds, with a band of one standard deviation."""
    found = findings.curves
    if not found.by_tag:
        return None
    shown = [name for name in ("best", "median") if name in found.settings]
    figure, panels = new_panels(len(found.by_tag), 2, *PANEL)
    has_bands = False
    for axes, (tag, by_name) in zip(panels, found.by_tag.items(), strict=True):
        for place, name in enumerate(shown):
            if name in by_name:
                curve = by_name[name]
                means = [np.nan if one is None else one for one in curve.band.mean]
                label = f"{name}: {found.settings[name].label}"
                drawn = draw_line(axes, curve.steps, means, place, label)
                has_bands |= _fill(axes, curve.steps, curve.band, drawn.get_color())
        axes.set(xlabel="steps", ylabel=tag)
        scale_to(axes, [np.asarray(drawn.get_ydata(), float) for drawn in axes.lines])
        end_at_bounds(axes, tag)
    set_heading(figure, "Learning curves of the best and the median setting")
    shared_legend(figure, [*panels[0].get_legend_handles_labels()[0], *[_shade(findings.unit)] * has_bands])
    return figure


def _shade(unit: str) -> Patch:
    """The legend's entry of the bands."""
    return Patch(color=GREY, alpha=0.25, label=f"shaded: mean ± standard deviation over {unit}s")


def _fill(axes: Axes, x: Sequence[float], band: Band, color: Any) -> bool:
    """A band of one standard deviation; nothing where no point has several seeds. Returns whether there is one."""
    if SPREAD not in band.edges:
        return False
    low, high = (np.array(edge, float) for edge in band.edges[SPREAD])
    axes.fill_between(x, low, high, alpha=0.15, color=color, linewidth=0)
    return True


@styled
def curves_by_tag(curves: Mapping[str, Mapping[str, Curve]], title: str) -> Figure:
    """Curves against steps, one panel per tag.

    Args:
        curves: By tag and label.
        title: Title above all panels.
    """
    figure, panels = new_panels(len(curves), 2, *PANEL)
    labels = list(dict.fromkeys(label for by_label in curves.values() for label in by_label))
    handles: dict[str, Line2D] = {}
    for axes, (tag, by_label) in zip(panels, curves.items(), strict=True):
        for label, (steps, values) in by_label.items():
            handles[label] = draw_line(axes, steps, values, labels.index(label), label)
        axes.set(xlabel="steps", ylabel=tag)
        scale_to(axes, [np.asarray(values, float) for _, values in by_label.values()])
        end_at_bounds(axes, tag)
    set_heading(figure, title)
    shared_legend(figure, list(handles.values()))
    return figure
