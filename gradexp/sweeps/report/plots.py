"""A sweep's findings as interactive figures."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from gradexp.reports.curves import curves
from gradexp.sweeps.report.findings import best_and_median, learning_rates, pareto_front, penalties, shown_range, sign
from gradexp.sweeps.report.importance import variance_explained
from gradexp.sweeps.report.results import SweepResults

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#444444"]  # Okabe and Ito
BANDS = 12  # colours of the parallel coordinates: a trace each, however many jobs there are
PAPER = "rgba(255,255,255,0.85)"  # behind words that lines cross
FEW = 2  # as many values as an axis or a figure needs


def learning_rate_plot(results: SweepResults) -> go.Figure | None:
    """Score against learning rate, a line an optimizer; what diverged is marked at the figure's edge."""
    found = learning_rates(results)
    if not found:
        return None
    figure = go.Figure()
    edge = shown_range(results)[0 if sign(results) > 0 else 1]
    for number, (optimizer, line) in enumerate(found.items()):
        colour = COLOURS[number % len(COLOURS)]
        figure.add_scatter(
            x=line.rates,
            y=line.means,
            error_y={"type": "data", "array": line.spreads, "visible": any(line.spreads)},
            mode="lines+markers",
            name=optimizer,
            legendgroup=optimizer,
            line={"color": colour},
        )
        if line.diverged:
            figure.add_scatter(
                x=line.diverged,
                y=[edge] * len(line.diverged),
                mode="markers",
                cliponaxis=False,
                marker={"symbol": "x", "size": 10, "color": colour},
                name=f"{optimizer}, diverged",
                legendgroup=optimizer,
                hovertemplate="diverged at %{x}",
            )
    figure.update_yaxes(range=shown_range(results))
    return _laid_out(figure, "optimizer.lr", results.monitor, log_x=True)


def penalty_plot(results: SweepResults) -> go.Figure | None:
    """Score over l1 and l2; cells without a score are left blank."""
    grid = penalties(results)
    if grid is None:
        return None
    low, high = shown_range(results)
    figure = go.Figure(
        go.Heatmap(
            z=grid.scores,
            zmin=low,
            zmax=high,
            x=[f"{value:g}" for value in grid.l2],
            y=[f"{value:g}" for value in grid.l1],
            colorscale="Viridis",
            reversescale=sign(results) < 0,
            colorbar={"title": results.monitor},
            texttemplate="%{z:.4g}",
            hovertemplate="l1 %{y}, l2 %{x}: %{z}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category")
    return _laid_out(figure, "regularizer.l2", "regularizer.l1").update_layout(height=120 + 60 * len(grid.l1))


def coordinates_plot(results: SweepResults) -> go.Figure | None:
    """Parallel coordinates: a line a job through its settings to its score, coloured by the score."""
    scored = results.scored()
    axes = [axis for axis in results.axes if len({repr(job.settings.get(axis)) for job, _ in scored}) >= FEW]
    if not axes or len(scored) < FEW:
        return None
    columns = [_positions([job.settings.get(axis) for job, _ in scored]) for axis in axes]
    scores = [score for _, score in scored]
    worst, best = sorted(shown_range(results), reverse=sign(results) < 0)
    heights = [min(max((score - worst) / (best - worst), 0.0), 1.0) for score in scores]
    figure = go.Figure()
    for band in range(BANDS):
        members = [n for n, height in enumerate(heights) if min(int(height * BANDS), BANDS - 1) == band]
        if not members:
            continue
        x: list[Any] = []
        y: list[float | None] = []
        words: list[str | None] = []
        for member in members:
            x += [*range(len(axes) + 1), None]
            y += [*(positions[member] for positions, _ in columns), heights[member], None]
            words += [f"{scored[member][0].told}: {scores[member]:.4g}"] * (len(axes) + 1) + [None]
        figure.add_scatter(
            x=x,
            y=y,
            text=words,
            hovertemplate="%{text}<extra></extra>",
            mode="lines",
            line={"width": 1.5, "color": _viridis(band / (BANDS - 1))},
            showlegend=False,
        )
    for number, (_, ticks) in enumerate(columns):
        for height, word in ticks:
            figure.add_annotation(
                x=number, y=height, text=word, bgcolor=PAPER, showarrow=False, xanchor="right", xshift=-4
            )
    for height, end in ((0.0, worst), (1.0, best)):
        beyond = ("≤ " if worst < best else "≥ ") if end == worst and 0.0 in heights else ""
        told = f"{beyond}{end:.4g}"
        figure.add_annotation(x=len(axes), y=height, text=told, showarrow=False, xanchor="left", xshift=4)
    names = [*axes, results.monitor]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.35, len(axes) + 0.35])
    figure.update_yaxes(visible=False)
    return _laid_out(figure, "", "")


def _positions(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """Heights from 0 to 1 of an axis's values, evenly spread in their order, and the words beside them."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    ordered = sorted(set(values)) if numeric else sorted({str(value) for value in values})
    place = {value: number / max(len(ordered) - 1, 1) for number, value in enumerate(ordered)}
    words = [(height, f"{value:g}" if numeric else str(value)) for value, height in place.items()]
    return [place[value if numeric else str(value)] for value in values], words


def _viridis(share: float) -> str:
    """A colour between purple (0) and green (1), over teal; yellow is too pale for lines."""
    stops = [(68, 1, 84), (49, 104, 142), (94, 190, 70)]
    left = min(int(share * 2), 1)
    part = share * 2 - left
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(stops[left], stops[left + 1], strict=True))
    return f"rgb({red},{green},{blue})"


def curves_plot(results: SweepResults) -> go.Figure | None:
    """The monitor and the training loss of the best and of the median job, against steps."""
    figure = go.Figure()
    tags = list(dict.fromkeys([results.monitor, "train/loss"]))
    for number, (name, job) in enumerate(best_and_median(results)):
        for tag, (steps, values) in curves(job.folder, tags).items():
            own_axis = tag == "train/loss" != results.monitor
            figure.add_scatter(
                x=steps,
                y=values,
                name=f"{name}: {tag}",
                mode="lines",
                yaxis="y2" if own_axis else "y",
                line={"color": COLOURS[number], "dash": "dot" if own_axis else "solid"},
            )
    if not figure.data:
        return None
    figure.update_layout(yaxis2={"title": "train/loss", "overlaying": "y", "side": "right", "showgrid": False})
    return _laid_out(figure, "steps", results.monitor)


def time_plot(results: SweepResults) -> go.Figure | None:
    """Score against seconds of fitting, with the front that no job beats in both."""
    timed = [(job, score) for job, score in results.scored() if job.seconds is not None]
    if len(timed) < FEW:
        return None
    front = pareto_front(results)
    figure = go.Figure()
    figure.add_scatter(
        x=[job.seconds for job, _ in timed],
        y=[score for _, score in timed],
        text=[job.told for job, _ in timed],
        mode="markers",
        name="jobs",
        marker={"color": COLOURS[0], "opacity": 0.6},
    )
    figure.add_scatter(
        x=[job.seconds for job, _ in front],
        y=[score for _, score in front],
        text=[job.told for job, _ in front],
        mode="lines+markers",
        name="none faster and better",
        line={"color": COLOURS[1], "shape": "hv"},
    )
    figure.update_yaxes(range=shown_range(results))
    return _laid_out(figure, "seconds of fitting", results.monitor)


def importance_plot(results: SweepResults) -> go.Figure | None:
    """Variance explained by each axis."""
    scored = results.scored()
    shares = variance_explained([job.settings for job, _ in scored], [score for _, score in scored])
    if not shares:
        return None
    names = list(shares)[::-1]
    figure = go.Figure(go.Bar(x=[shares[name] for name in names], y=names, orientation="h", marker_color=COLOURS[0]))
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    return _laid_out(figure, f"variance of {results.monitor} explained", "")


def _laid_out(figure: go.Figure, x: str, y: str, log_x: bool = False) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        margin={"l": 70, "r": 30, "t": 20, "b": 50},
        height=420,
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        font={"family": "system-ui, sans-serif", "size": 13},
    )
    figure.update_xaxes(title=x)
    figure.update_layout(yaxis={"title": y})
    if log_x:
        figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    return figure
