"""A search as interactive Plotly figures: history, slices, importance, the front of several objectives."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gradexp.rules.words import counted
from gradexp.sweeps.plan.axes import typed
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.plotly_figures import COLORS, laid_out, shares_explained, within_bounds
from gradexp.sweeps.report.search import Kind, values
from gradexp.sweeps.search.trials import Trial

BEST, TRIAL = COLORS[1], COLORS[0]
COLUMNS = 3  # of slices
HEIGHT = 320  # of a row of them
SYMBOLS: Mapping[Kind, str] = {"whole": "circle", "partial": "circle-open", "pruned": "x-thin-open"}


def history(findings: Findings) -> go.Figure | None:
    """The first objective against the number of the trial."""
    found = findings.search
    if found is None:
        return None
    figure = go.Figure()
    for kind, name, trials in found.kinds:
        _add(figure, trials, [trial.number for trial in trials], name=name, marker={"symbol": SYMBOLS[kind]})
    figure.add_scatter(
        x=[trial.number for trial in found.whole],
        y=found.so_far,
        mode="lines",
        line={"shape": "hv", "color": BEST},
        name="best so far",
    )
    return within_bounds(laid_out(figure, "trial", found.objectives[0].metric), found.objectives[0].metric)


def slices(findings: Findings) -> go.Figure | None:
    """The first objective against each key."""
    found = findings.search
    if found is None:
        return None
    columns = min(COLUMNS, len(found.space))
    rows = -(-len(found.space) // columns)
    figure = laid_out(make_subplots(rows, columns, shared_yaxes=True, vertical_spacing=0.25 / rows), "", "")
    for place, (key, one) in enumerate(found.space.items()):
        x = found.along(key)
        row, column = place // columns + 1, place % columns + 1
        _add(
            figure,
            found.trials,
            x,
            marker={
                "color": [trial.number for trial in found.trials],
                "colorscale": "Blues",
                "cmin": -len(found.trials) / 3,  # the first trials are seen on white
                "line": {"width": 0.5, "color": "#444444"},
            },
            showlegend=False,
            at={"row": row, "col": column},
        )
        kind = "log" if one.log else "category" if isinstance(x[0], str) else None
        figure.update_xaxes(title=key, type=kind, row=row, col=column)
    figure.update_yaxes(title=found.objectives[0].metric, col=1)
    return within_bounds(figure, found.objectives[0].metric).update_layout(height=100 + HEIGHT * rows)


def importance(findings: Findings) -> go.Figure | None:
    """The share of the variance that each key explains."""
    if findings.search is None or not findings.search.importance:
        return None
    title = f"importance for {findings.search.objectives[0].metric}"
    return shares_explained(findings.search.importance, title)


def front(findings: Findings) -> go.Figure | None:
    """The second objective against the first one."""
    found = findings.search
    if found is None or len(found.objectives) < 2:
        return None
    figure = go.Figure()
    for kind, name, trials in found.kinds:
        first = [values(trial)[0] for trial in trials]
        _add(figure, trials, first, 1, name=name, marker={"symbol": SYMBOLS[kind]})
    points = sorted(values(trial)[:2] for trial in found.best)
    figure.add_scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="lines+markers",
        line={"color": BEST},
        name="no other is better in all",
    )
    x, y = (one.metric for one in found.objectives[:2])
    return within_bounds(laid_out(figure, x, y), y, x)


def _add(figure: Any, trials: list[Trial], x: list[Any], objective: int = 0, **look: Any) -> None:
    at = look.pop("at", {})
    look["marker"] = {"color": TRIAL, "size": 8, **look["marker"]}
    texts = [f"trial {trial.number}: {typed(trial.params)}, {counted(len(trial.scores), 'seed')}" for trial in trials]
    y = [values(trial)[objective] for trial in trials]
    figure.add_trace(go.Scatter(x=x, y=y, text=texts, mode="markers", **look), **at)
