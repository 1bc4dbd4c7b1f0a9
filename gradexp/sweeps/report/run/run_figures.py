"""The figures of a run's page: learning curves, confusion, calibration, residuals."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradexp.engine.scalar_tags import family_of
from gradexp.figures.classification import NUMBERED
from gradexp.reports.calibration import BINS, Calibration
from gradexp.reports.examination import Array
from gradexp.sweeps.report.job_curves import thinned
from gradexp.sweeps.report.learning_curves import Curve
from gradexp.sweeps.report.plotly_figures import COLORS, laid_out, within_bounds
from gradexp.sweeps.report.ranking import bounds

MOST_FIGURES = 8  # of curves
MOST_LINES = 12  # of a figure of curves
MOST_POINTS = 4000  # of a scatter plot
DECADES = 100.0  # from the least to the largest value, above which an axis is logarithmic
NO_CURVES = ("epoch", "samples_per_second", "loss_epoch")  # last parts of tags

Metrics = Mapping[str, Any]


def curve_groups(curves: Mapping[str, Curve], monitor: str) -> dict[str, dict[str, Curve]]:
    """Curves that belong on one figure, by its title: of one metric in training and validation, of one family.

    The loss comes first, then the monitored metric. Single points and constants are left out; so is what equals the
    loss, as the objective without penalties. Where epochs are shorter than the interval of logging, the training loss
    is that of the epochs.
    """
    epochs: Curve = curves.get("train/loss_epoch", ([], []))
    if len(epochs[0]) > len(curves.get("train/loss", ([], []))[0]):
        curves = {**curves, "train/loss": epochs}
    found: dict[str, dict[str, Curve]] = defaultdict(dict)
    for tag, (steps, values) in sorted(curves.items()):
        stage, _, name = tag.partition("/")
        if (
            len(steps) > 1
            and len(set(values)) > 1
            and name not in NO_CURVES
            and stage not in ("test", "best", *NO_CURVES)
        ):
            found[family_of(tag) or (name if stage in ("train", "val") else stage)][tag] = (steps, values)
    of_loss = list(found.get("loss", {}).values())
    groups = {name: group for name, group in found.items() if name == "loss" or not _repeats(group, of_loss)}
    first = ("loss", monitor.partition("/")[2])
    names = sorted(groups, key=lambda name: (first.index(name) if name in first else len(first), name))
    return {name: groups[name] for name in names[:MOST_FIGURES]}


def _repeats(group: Mapping[str, Curve], others: Sequence[Curve]) -> bool:
    return all(curve in others for curve in group.values())


def curve_key(name: str) -> str:
    """The id of the figure of a group of curves."""
    return "curves_" + re.sub(r"\W+", "_", name)


def curve_figure(name: str, group: Mapping[str, Curve], metrics: Metrics) -> go.Figure:
    """The curves of a group against steps, with the step of the weights that are tested."""
    figure = go.Figure()
    shown = list(group.items())[:MOST_LINES]
    for number, (tag, curve) in enumerate(shown):
        steps, values = thinned(curve)
        look = {
            "color": COLORS[number % len(COLORS)],
            "dash": "dot" if tag.startswith("train/") and len(shown) > 1 else "solid",
        }
        mode = "lines+markers" if len(steps) <= 30 else "lines"
        figure.add_scatter(
            x=steps, y=values, name=tag, mode=mode, line=look, marker={"size": 4, "color": look["color"]}
        )
    best = metrics.get("best/step")
    if best is not None and any(tag.startswith("val/") for tag, _ in shown):
        figure.add_vline(x=best, line={"color": COLORS[7], "width": 1, "dash": "dash"})
    figure = laid_out(figure, "steps", name)
    values = [value for _, (_, one) in shown for value in one if math.isfinite(value)]
    if math.isinf(bounds(name)[1]) and min(values, default=0.0) > 0 and max(values) > DECADES * min(values):
        figure.update_yaxes(type="log", exponentformat="power")
    return within_bounds(figure, name).update_layout(showlegend=len(shown) > 1)


def confusion(counts: Array, classes: list[str]) -> go.Figure:
    """Samples by true class (rows) and predicted class (columns) [classes, classes]; colors show the share of a row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [f"{name} " for name in classes]  # with a space, digits stay categories
    texts = [[str(count) if count else "" for count in row] for row in counts] if len(classes) <= NUMBERED else None
    figure = go.Figure(
        go.Heatmap(
            z=shares.tolist(),
            x=names,
            y=names,
            zmin=0,
            zmax=1,
            colorscale="Blues",
            showscale=False,
            text=texts,
            texttemplate="%{text}" if texts else None,
            customdata=counts.tolist(),
            hovertemplate="true %{y}, predicted %{x}: %{customdata} (%{z:.1%} of the row)<extra></extra>",
        )
    )
    figure = laid_out(figure, "predicted", "true")
    figure.update_xaxes(type="category", tickmode="linear" if texts else "auto")
    figure.update_yaxes(type="category", autorange="reversed", tickmode="linear" if texts else "auto")
    return figure.update_layout(height=max(420, 120 + 22 * min(len(classes), 40)))


def reliability(found: Calibration) -> go.Figure:
    """Accuracy against confidence by bins; a calibrated model lies on the diagonal."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="calibrated", line={"color": COLORS[7], "dash": "dash"})
    figure.add_bar(
        x=found.confidence,
        y=found.counts / np.sum(found.counts),
        width=0.5 / BINS,
        name="share of the samples",
        marker={"color": COLORS[5], "opacity": 0.5},
        text=[str(count) for count in found.counts],
        textposition="none",
        hovertemplate="%{text} samples<extra></extra>",
    )
    figure.add_scatter(
        x=found.confidence,
        y=found.accuracy,
        text=[str(count) for count in found.counts],
        mode="lines+markers",
        name="accuracy",
        line={"color": COLORS[1]},
        marker={"color": COLORS[1], "size": 8},
        hovertemplate="confidence %{x:.3f}, accuracy %{y:.3f}, %{text} samples<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(range=[0, 1])
    return laid_out(figure, "confidence", "accuracy")


def predicted_against_true(predicted: Array, true: Array) -> go.Figure:
    """Predictions over targets [samples]: a perfect regression lies on the diagonal."""
    chosen = evenly(len(true))
    ends = [float(min(predicted.min(), true.min())), float(max(predicted.max(), true.max()))]
    figure = go.Figure()
    figure.add_scatter(x=ends, y=ends, mode="lines", name="predicted = true", line={"color": COLORS[7], "dash": "dash"})
    marker = {"color": COLORS[0], "opacity": 0.6, "size": 5}
    figure.add_scatter(x=true[chosen], y=predicted[chosen], mode="markers", name="samples", marker=marker)
    return laid_out(figure, "true", "predicted")


def residuals(predicted: Array, true: Array) -> go.Figure:
    """Residuals over predictions [samples]: a good model leaves no pattern."""
    chosen = evenly(len(true))
    figure = go.Figure()
    marker = {"color": COLORS[1], "opacity": 0.6, "size": 5}
    figure.add_scatter(x=predicted[chosen], y=(predicted - true)[chosen], mode="markers", name="samples", marker=marker)
    figure.add_hline(y=0, line={"color": COLORS[7], "width": 1, "dash": "dash"})
    return laid_out(figure, "predicted", "predicted - true").update_layout(showlegend=False)


def evenly(samples: int) -> Array:
    """Numbers of at most MOST_POINTS samples, evenly spread."""
    return np.unique(np.linspace(0, samples - 1, min(samples, MOST_POINTS)).round().astype(int))
