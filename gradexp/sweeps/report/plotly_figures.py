"""A sweep's findings as interactive Plotly figures, for the page."""

from typing import Any

import plotly.graph_objects as go

from gradexp.sweeps.report.findings import Findings

COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#444444"]  # Okabe and Ito
BANDS = 12  # colors of the parallel coordinates: one trace each, however many jobs there are
PAPER = "rgba(255,255,255,0.85)"  # behind labels that lines cross


def learning_rate(findings: Findings) -> go.Figure | None:
    """Score against learning rate, one line per optimizer; diverged rates are marked at the figure's edge."""
    if not findings.rates:
        return None
    figure = go.Figure()
    edge = findings.limits[0 if findings.up else 1]
    for number, (optimizer, line) in enumerate(findings.rates.items()):
        color = COLORS[number % len(COLORS)]
        figure.add_scatter(
            x=line.rates,
            y=line.means,
            error_y={"type": "data", "array": line.spreads, "visible": any(line.spreads)},
            mode="lines+markers",
            name=optimizer,
            legendgroup=optimizer,
            line={"color": color},
        )
        if line.diverged:
            figure.add_scatter(
                x=line.diverged,
                y=[edge] * len(line.diverged),
                mode="markers",
                cliponaxis=False,
                marker={"symbol": "x", "size": 10, "color": color},
                name=f"{optimizer}, diverged",
                legendgroup=optimizer,
                hovertemplate="diverged at %{x}",
            )
    figure.update_yaxes(range=findings.limits)
    return _laid_out(figure, "optimizer.lr", findings.results.score_name, log_x=True)


def penalties(findings: Findings) -> go.Figure | None:
    """Score over l1 and l2; cells without a score are blank."""
    grid = findings.penalties
    if grid is None:
        return None
    low, high = findings.limits
    figure = go.Figure(
        go.Heatmap(
            z=grid.scores,
            zmin=low,
            zmax=high,
            x=[f"{value:g}" for value in grid.l2],
            y=[f"{value:g}" for value in grid.l1],
            colorscale="Viridis",
            reversescale=not findings.up,
            colorbar={"title": findings.results.score_name},
            texttemplate="%{z:.4g}",
            hovertemplate="l1 %{y}, l2 %{x}: %{z}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category")
    return _laid_out(figure, "regularizer.l2", "regularizer.l1").update_layout(height=120 + 60 * len(grid.l1))


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
    for place, ticks in enumerate(found.ticks):
        for height, label in ticks:
            figure.add_annotation(
                x=place, y=height, text=label, bgcolor=PAPER, showarrow=False, xanchor="right", xshift=-4
            )
    worst, best = found.ends
    is_clipped = any(line[-1] == 0.0 for line in found.lines)
    beyond = ("≤ " if findings.up else "≥ ") if is_clipped else ""
    for height, label in ((0.0, f"{beyond}{worst:.4g}"), (1.0, f"{best:.4g}")):
        figure.add_annotation(x=places[-1], y=height, text=label, showarrow=False, xanchor="left", xshift=4)
    figure.update_xaxes(tickvals=places, ticktext=names, range=[-0.35, places[-1] + 0.35])
    figure.update_yaxes(visible=False)
    return _laid_out(figure, "", "")


def _viridis(share: float) -> str:
    """A color between purple (0) and green (1), over teal; yellow is too pale for lines."""
    stops = [(68, 1, 84), (49, 104, 142), (94, 190, 70)]
    left = min(int(share * 2), 1)
    part = share * 2 - left
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(stops[left], stops[left + 1], strict=True))
    return f"rgb({red},{green},{blue})"


def curves(findings: Findings) -> go.Figure | None:
    """The monitor and the training loss of the best and of the median job, against steps."""
    if not findings.curves:
        return None
    monitor = findings.results.monitor
    figure = go.Figure()
    for number, name in enumerate(findings.curve_labels):
        for tag, by_name in findings.curves.items():
            if name not in by_name:
                continue
            steps, values = by_name[name]
            own_axis = tag == "train/loss" != monitor
            figure.add_scatter(
                x=steps,
                y=values,
                name=f"{name}: {tag}",
                mode="lines",
                yaxis="y2" if own_axis else "y",
                line={"color": COLORS[number], "dash": "dot" if own_axis else "solid"},
            )
    figure.update_layout(yaxis2={"title": "train/loss", "overlaying": "y", "side": "right", "showgrid": False})
    return _laid_out(figure, "steps", monitor)


def time(findings: Findings) -> go.Figure | None:
    """Score against seconds of fitting, with the front of the jobs that no other beats in both."""
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
        marker={"color": COLORS[0], "opacity": 0.6},
    )
    figure.add_scatter(
        x=[job.seconds for job, _ in times.front],
        y=[score for _, score in times.front],
        text=[job.label for job, _ in times.front],
        mode="lines+markers",
        name="none faster and better",
        line={"color": COLORS[1], "shape": "hv"},
    )
    figure.update_yaxes(range=findings.limits)
    return _laid_out(figure, "seconds of fitting", findings.results.score_name)


def importance(findings: Findings) -> go.Figure | None:
    """Variance explained by each axis."""
    shares = findings.importance
    if not shares:
        return None
    names = list(shares)[::-1]
    figure = go.Figure(go.Bar(x=[shares[name] for name in names], y=names, orientation="h", marker_color=COLORS[0]))
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    return _laid_out(figure, f"variance of {findings.results.score_name} explained", "")


def _laid_out(figure: go.Figure, x: str, y: str, log_x: bool = False) -> go.Figure:
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
