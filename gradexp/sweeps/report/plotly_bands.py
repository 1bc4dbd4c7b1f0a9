"""Means over seeds as interactive Plotly figures, with buttons for the kind of band and for every job."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from gradexp.sweeps.report.bands import Band, Numbers
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.learning_curves import LOSS, LearningCurve
from gradexp.sweeps.report.plotly_figures import COLORS, DASHES, SYMBOLS, laid_out, over_steps

EVERY_JOB = "every job"
FAINT = 0.18  # opacity of bands
MOST_LINES = 6  # of text in a cell
NO_TEXT = " "  # an empty template would show the default text

Line = tuple[list[float | None], Numbers]  # x and y; None ends a part


def learning_rate(findings: Findings) -> go.Figure | None:
    """Score against learning rate, one line per optimizer; diverged rates are marked at the figure's edge."""
    if not findings.rates:
        return None
    figure = go.Figure()
    low, high = findings.limits
    edge, row = (low, 0.03 * (high - low)) if findings.up else (high, -0.03 * (high - low))
    choices: list[dict[str, Line]] = []
    for number, (optimizer, line) in enumerate(findings.rates.items()):
        color = COLORS[number % len(COLORS)]
        jobs = [(rate, score) for rate, scores in zip(line.rates, line.band.jobs, strict=True) for score in scores]
        choices += _add(
            figure,
            outlines(line.rates, line.band) | {EVERY_JOB: ([x for x, _ in jobs], [y for _, y in jobs])},
            {"legendgroup": optimizer},
            color,
            mode="markers",
        )
        figure.add_scatter(
            x=line.rates,
            y=line.band.mean,
            text=_words(line.band, findings.unit),
            mode="lines+markers",
            name=optimizer,
            legendgroup=optimizer,
            line={"color": color, "dash": DASHES[number % len(DASHES)]},
            marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 8},
        )
        if line.diverged:
            figure.add_scatter(
                x=line.diverged,
                y=[edge + number * row] * len(line.diverged),  # a row for each optimizer, so that none covers another
                mode="markers",
                cliponaxis=False,
                marker={"symbol": "x", "size": 8, "color": color},
                name=f"{optimizer}, diverged",
                legendgroup=optimizer,
                showlegend=False,
                hovertemplate="diverged at %{x}",
            )
    figure.update_yaxes(range=findings.limits)
    return _with_buttons(laid_out(figure, "optimizer.lr", findings.results.score_name, log_x=True), choices)


def curves(findings: Findings) -> go.Figure | None:
    """The monitor and the training loss of the best and of the median setting, against steps; others on demand."""
    if not findings.curves.by_tag:
        return None
    monitor = findings.results.monitor
    figure = go.Figure()
    choices: list[dict[str, Line]] = []
    for number, (name, setting) in enumerate(findings.curves.settings.items()):
        for tag, by_name in findings.curves.by_tag.items():
            if name not in by_name:
                continue
            curve = by_name[name]
            own_axis = tag == LOSS != monitor
            color = COLORS[number % len(COLORS)]
            shared: dict[str, Any] = {
                "legendgroup": name,
                "yaxis": "y2" if own_axis else "y",
                "visible": True if name in ("best", "median") else "legendonly",
            }
            lines = outlines(curve.steps, curve.band) | {EVERY_JOB: _every_job(curve)}
            choices += _add(figure, lines, shared, color, mode="lines")
            figure.add_scatter(
                x=curve.steps,
                y=curve.band.mean,
                text=[", ".join(filter(None, (setting.label, words))) for words in _words(curve.band, setting.unit)],
                name=name if findings.curves.several else f"{name}: {tag}",
                mode="lines" if len(curve.steps) > 1 else "markers",
                line={"color": color, "dash": "dot" if own_axis else "solid"},
                marker={"color": color},
                showlegend=not (findings.curves.several and own_axis),  # one entry shows and hides all of a setting
                **shared,
            )
    return _with_buttons(over_steps(figure, monitor), choices)


def penalties(findings: Findings) -> go.Figure | None:
    """Score over l1 and l2 where both vary; cells without a score are blank."""
    grid = findings.penalties
    if grid is None or not grid.is_map:
        return None
    low, high = findings.limits
    columns = len(grid.l2)
    words = _words(grid.band, findings.unit)
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
            texttemplate=None if grid.band.edges else "%{z:.4g}",
            customdata=[words[row * columns :][:columns] for row in range(len(grid.l1))],
            hovertemplate="l1 %{y}, l2 %{x}: %{z} %{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category")
    figure = laid_out(figure, "regularizer.l2", "regularizer.l1")
    if not grid.band.edges:
        return figure.update_layout(height=120 + 60 * len(grid.l1))
    templates = {kind: _ranges(grid.band.mean, edges) for kind, edges in grid.band.edges.items()}
    templates[EVERY_JOB] = [_lines(scores) for scores in grid.band.jobs]
    middle = low + 0.6 * (high - low)
    figure.add_scatter(  # a heatmap's own text has no lines
        x=[f"{l2:g}" for _ in grid.l1 for l2 in grid.l2],
        y=[f"{l1:g}" for l1 in grid.l1 for _ in grid.l2],
        mode="text",
        texttemplate=templates[next(iter(templates))],
        textfont={
            "size": 11,
            "color": [
                "black" if mean is None or (mean > middle) == findings.up else "white" for mean in grid.band.mean
            ],
        },
        hoverinfo="skip",
        showlegend=False,
    )
    rows = max(60, 20 + 14 * min(max(grid.band.seeds), MOST_LINES))
    figure.update_layout(height=120 + rows * len(grid.l1))
    return _buttons(figure, [(name, {"texttemplate": [texts]}, [1]) for name, texts in templates.items()])


def outlines(x: Sequence[float], band: Band) -> dict[str, Line]:
    """The outline of each kind of band, one closed polygon for each stretch of points that have it."""
    found: dict[str, Line] = {}
    for kind, (low, high) in band.edges.items():
        xs: list[float | None] = []
        ys: Numbers = []
        stretch: list[int] = []
        for place in range(len(x) + 1):
            if place < len(x) and low[place] is not None:
                stretch.append(place)
            elif stretch:
                xs += [*(x[n] for n in stretch), *(x[n] for n in stretch[::-1]), None]
                ys += [*(high[n] for n in stretch), *(low[n] for n in stretch[::-1]), None]
                stretch = []
        found[kind] = (xs, ys)
    return found


def _every_job(curve: LearningCurve) -> Line:
    xs: list[float | None] = []
    ys: Numbers = []
    for steps, values in curve.jobs.values():
        xs += [*steps, None]
        ys += [*values, None]
    return xs, ys


def _add(
    figure: go.Figure, lines: dict[str, Line], shared: dict[str, Any], color: str, *, mode: str
) -> list[dict[str, Line]]:
    """Add two traces, a band and the jobs, the first kind shown; the choices of both, empty where another is shown."""
    kinds = [name for name in lines if name != EVERY_JOB]
    if not kinds:
        return []
    nothing: Line = ([], [])
    x, y = lines[kinds[0]]
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    faint = f"rgba({red},{green},{blue},{FAINT})"
    figure.add_scatter(
        x=x, y=y, fill="toself", fillcolor=faint, mode="lines", line={"width": 1, "color": faint}, hoverinfo="skip",
        showlegend=False, meta="choice", **shared,
    )  # fmt: skip
    figure.add_scatter(
        x=[], y=[], mode=mode, line={"width": 1, "color": color}, marker={"size": 4, "color": color}, opacity=0.5,
        showlegend=False, meta="choice", **shared,
    )  # fmt: skip
    return [
        {name: line if name != EVERY_JOB else nothing for name, line in lines.items()},
        {name: line if name == EVERY_JOB else nothing for name, line in lines.items()},
    ]


def _with_buttons(figure: go.Figure, choices: Sequence[dict[str, Line]]) -> go.Figure:
    numbers = [number for number, trace in enumerate(figure.data) if trace.meta == "choice"]
    names = list(dict.fromkeys(name for lines in choices for name in lines))
    nothing: Line = ([], [])
    options = []
    for name in names:
        found = [lines.get(name, nothing) for lines in choices]
        options.append((name, {"x": [x for x, _ in found], "y": [y for _, y in found]}, numbers))
    return _buttons(figure, options)


def _buttons(figure: go.Figure, options: Sequence[tuple[str, dict[str, Any], list[int]]]) -> go.Figure:
    """The figure with a button for each option, which restyles traces; the page's script draws them."""
    if options:
        buttons = [{"label": name, "method": "restyle", "args": [change, at]} for name, change, at in options]
        figure.update_layout(updatemenus=[{"type": "buttons", "buttons": buttons}])
    return figure


def _words(band: Band, unit: str) -> list[str]:
    """For each point its standard deviation and its number of seeds or folds; "" where no point has several."""
    if not band.edges:
        return [""] * len(band.mean)
    found = []
    for spread, seeds in zip(band.spread, band.seeds, strict=True):
        of_one = f"one {unit}" if seeds == 1 else ""
        found.append(of_one if spread is None else f"± {spread:.2g} over {seeds} {unit}s")
    return found


def _ranges(means: Numbers, edges: tuple[Numbers, Numbers]) -> list[str]:
    """A text of two lines for each cell: its mean, and from where to where its band reaches."""
    found = []
    for mean, low, high in zip(means, *edges, strict=True):
        lines = [f"{mean:.4g}"] if mean is not None else []
        lines += [f"{low:.3g} to {high:.3g}"] if low is not None and high is not None else []
        found.append("<br>".join(lines) or NO_TEXT)
    return found


def _lines(scores: Sequence[float]) -> str:
    """All scores of a cell, on a few lines."""
    a_line = -(-len(scores) // MOST_LINES)
    lines = [scores[start : start + a_line] for start in range(0, len(scores), a_line or 1)]
    return "<br>".join(" ".join(f"{score:.4g}" for score in line) for line in lines) or NO_TEXT
