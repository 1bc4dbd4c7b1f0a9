"""A sweep's findings as interactive Plotly figures, for the page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from gradexp.figures.style import PALETTE
from gradexp.sweeps.report.coordinates import elided
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.importance import NO_AXES
from gradexp.sweeps.report.learning_curves import LOSS
from gradexp.sweeps.report.ranking import bounds
from gradexp.sweeps.report.times import Point

COLORS = PALETTE
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "pentagon")
DASHES = ("solid", "dash", "dashdot", "dot")
BANDS = 12  # colors of the parallel coordinates: one trace each, however many jobs there are
LETTERS = 64  # that fit side by side into the parallel coordinates
PAPER = "#ffffff"  # behind labels that lines cross


def coordinates(findings: Findings) -> go.Figure | None:
    """Parallel coordinates: one line per job through its settings to its score, colored by the score."""
    found = findings.coordinates
    if found is None:
        return None
    names = [*found.axes, findings.results.score_name]
    places = list(range(len(names)))
    figure = go.Figure()
    for band in range(BANDS):
        x: list[int | None] = []
        y: list[float | None] = []
        text: list[str | None] = []
        for line, label in zip(found.lines, found.labels, strict=True):
            if min(int(line[-1] * BANDS), BANDS - 1) == band:
                x += [*places, None]  # None ends a job's line within the trace
                y += [*line, None]
                text += [label] * len(line) + [None]
        if x:
            figure.add_scatter(
                x=x,
                y=y,
                text=text,
                hovertemplate="%{text}<extra></extra>",
                mode="lines",
                line={"width": 1.5, "color": _viridis(band / (BANDS - 1))},
                showlegend=False,
            )
    room = max(LETTERS // len(names), 8)  # a longer label is shown whole under the pointer
    for place, ticks in enumerate(found.ticks):
        for height, label in ticks:
            shown = elided(label, room)
            whole = {"hovertext": label} if shown != label else {}
            figure.add_annotation(
                x=place, y=height, text=shown, bgcolor=PAPER, showarrow=False, xanchor="right", xshift=-4, **whole
            )
    worst, best = found.ends
    is_clipped = any(line[-1] == 0.0 for line in found.lines)
    beyond = ("≤ " if findings.up else "≥ ") if is_clipped else ""
    for height, label in ((0.0, f"{beyond}{worst:.4g}"), (1.0, f"{best:.4g}")):
        figure.add_annotation(x=places[-1], y=height, text=label, showarrow=False, xanchor="left", xshift=4)
    widest = max(len(elided(label, room)) for _, label in found.ticks[0])
    figure.update_xaxes(tickvals=places, ticktext=names, range=[-max(0.35, widest / room), places[-1] + 0.35])
    figure.update_yaxes(visible=False)
    return laid_out(figure, "", "")


def _viridis(share: float) -> str:
    """A color between purple (0) and green (1), over teal; yellow is too pale for lines."""
    stops = [(68, 1, 84), (49, 104, 142), (94, 190, 70)]
    left = min(int(share * 2), 1)
    part = share * 2 - left
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(stops[left], stops[left + 1], strict=True))
    return f"rgb({red},{green},{blue})"


def time(findings: Findings) -> go.Figure | None:
    """Score against seconds of fitting, with the front of the settings that no other beats in both.

    Where settings have several seeds, each is one point, its means; the jobs are shown on demand.
    """
    times = findings.times
    if times is None:
        return None
    figure = go.Figure()
    figure.add_scatter(
        x=times.seconds,
        y=times.scores,
        text=times.labels,
        mode="markers",
        name="jobs",
        visible="legendonly" if times.several else True,
        marker={"color": COLORS[5] if times.several else COLORS[0], "opacity": 0.6},
    )
    if times.several:
        marker = {"color": COLORS[0], "opacity": 0.6, "symbol": "diamond"}
        _add_points(
            figure, times.settings, mode="markers", name=f"settings, means over {findings.unit}s", marker=marker
        )
    line, square = {"color": COLORS[1], "shape": "hv"}, {"symbol": "square"}
    _add_points(figure, times.front, mode="lines+markers", name="none faster and better", line=line, marker=square)
    figure.update_yaxes(range=findings.limits)
    return laid_out(figure, "seconds of fitting", findings.results.score_name)


def _add_points(figure: Any, points: Sequence[Point], **look: Any) -> None:
    figure.add_scatter(
        x=[point.seconds for point in points],
        y=[point.score for point in points],
        text=[_over_seeds(point) for point in points],
        **look,
    )


def _over_seeds(point: Point) -> str:
    if point.spread is None:
        return point.setting.label
    return f"{point.setting.label}, ± {point.spread:.2g} over {len(point.setting.scores)} {point.setting.unit}s"


def importance(findings: Findings) -> go.Figure | None:
    """Variance explained by each axis, by their interactions, and by none."""
    if not findings.importance:
        return None
    return shares_explained(findings.importance, f"variance of {findings.results.score_name} explained")


def shares_explained(shares: Mapping[str, float], title: str) -> go.Figure:
    """A bar for each share of a variance, the first on top; what no axis explains is grey."""
    names = list(shares)[::-1]
    colors = [COLORS[7] if name in NO_AXES else COLORS[0] for name in names]
    figure = go.Figure(go.Bar(x=[shares[name] for name in names], y=names, orientation="h", marker_color=colors))
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    return laid_out(figure, title, "")


def laid_out(figure: go.Figure, x: str, y: str, log_x: bool = False) -> go.Figure:
    """The figure with the page's fonts, margins and titles of axes."""
    layout: dict[str, Any] = {
        "template": "plotly_white",
        "margin": {"l": 70, "r": 30, "t": 20, "b": 50},
        "height": 420,
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "yaxis": {"title": y},
    }
    figure.update_layout(**layout)
    figure.update_xaxes(title=x)
    if log_x:
        figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    return figure


def of_chosen_jobs(findings: Findings) -> go.Figure:
    """The axes for the curves of the jobs that a reader chooses."""
    return over_steps(go.Figure(), findings.results.monitor)


def over_steps(figure: go.Figure, monitor: str) -> go.Figure:
    """The figure with axes for the monitor on the left and the training loss on the right, against steps."""
    if monitor != LOSS:
        # Else Plotly places its ticks at those of the left axis, wherever these fall on it.
        right = {"title": LOSS, "overlaying": "y", "side": "right", "showgrid": False, "tickmode": "auto"}
        figure.update_layout(yaxis2=right)
    figure = laid_out(figure, "steps", monitor)
    return within_bounds(figure, monitor)


def within_bounds(figure: go.Figure, metric: str, x: str = "") -> go.Figure:
    """The figure with a vertical axis that ends where the metric does, as an accuracy at 1; the horizontal one by x."""
    for update, name in ((figure.update_yaxes, metric), (figure.update_xaxes, x)):
        ends = dict(zip(("clipmin", "clipmax"), bounds(name), strict=True))
        finite = {key: end for key, end in ends.items() if math.isfinite(end)}
        if finite:
            update(autorangeoptions=finite, selector={"overlaying": None})
    return figure
