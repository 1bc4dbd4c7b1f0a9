"""A search as interactive Plotly figures: history, slices, importance, the front of several objectives."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gradexp.rules.words import counted
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.plotly_figures import COLORS, laid_out, within_bounds
from gradexp.sweeps.report.search import Found, shown, values
from gradexp.sweeps.search.trials import Trial

BEST, TRIAL = COLORS[1], COLORS[0]
COLUMNS = 3  # of slices
HEIGHT = 320  # of a row of them


def history(findings: Findings) -> go.Figure | None:
    """The first objective against the number of the trial."""
    found = findings.search
    if found is None:
        return None
    figure = go.Figure()
    for name, symbol, trials in _kinds(found):
        _add(figure, found, trials, [trial.number for trial in trials], name=name, marker={"symbol": symbol})
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
    figure = make_subplots(rows=rows, cols=columns, shared_yaxes=True, vertical_spacing=0.25 / rows)
    for place, (key, one) in enumerate(found.space.items()):
        row, column = place // columns + 1, place % columns + 1
        _add(
            figure,
            found,
            found.trials,
            [shown(trial.params[key]) for trial in found.trials],
            marker={
                "color": [trial.number for trial in found.trials],
                "colorscale": "Blues",
                "cmin": -len(found.trials) / 3,  # the first trials are seen on white
                "line": {"width": 0.5, "color": "#444444"},
            },
            showlegend=False,
            at={"row": row, "col": column},
        )
        figure.update_xaxes(title=key, type="log" if one.log else None, row=row, col=column)
    laid_out(figure, "", "")
    for place, key in enumerate(found.space):
        figure.update_xaxes(title=key, row=place // columns + 1, col=place % columns + 1)
    figure.update_yaxes(title=None)
    figure.update_yaxes(title=found.objectives[0].metric, col=1)
    return within_bounds(figure, found.objectives[0].metric).update_layout(height=100 + HEIGHT * rows)


def importance(findings: Findings) -> go.Figure | None:
    """The share of the variance that each key explains."""
    if findings.search is None or not findings.search.importance:
        return None
    shares = findings.search.importance
    names = list(shares)[::-1]
    figure = go.Figure(go.Bar(x=[shares[name] for name in names], y=names, orientation="h", marker_color=TRIAL))
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    return laid_out(figure, f"importance for {findings.search.objectives[0].metric}", "")


def front(findings: Findings) -> go.Figure | None:
    """The second objective against the first one."""
    found = findings.search
    if found is None or len(found.objectives) < 2:
        return None
    figure = go.Figure()
    for name, symbol, trials in _kinds(found):
        _add(figure, found, trials, [values(trial)[0] for trial in trials], 1, name=name, marker={"symbol": symbol})
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


def _kinds(found: Found) -> list[tuple[str, str, list[Trial]]]:
    """The trials by what their score rests on, with the symbol of each kind."""
    whole = found.whole
    pruned = [trial for trial in found.trials if trial.pruned]
    others = [trial for trial in found.trials if trial not in whole and not trial.pruned]
    kinds = [
        (f"all {len(found.seeds)} seeds" if len(found.seeds) > 1 else "trials", "circle", whole),
        ("fewer seeds", "circle-open", others),
        ("cut short", "x-thin-open", pruned),
    ]
    return [kind for kind in kinds if kind[2]]


def _add(figure: Any, found: Found, trials: list[Trial], x: list[Any], objective: int = 0, **look: Any) -> None:
    at = look.pop("at", {})
    look["marker"] = {"color": TRIAL, "size": 8, **look["marker"]}
    texts = [
        f"trial {trial.number}: {', '.join(f'{key}={shown(value)}' for key, value in trial.params.items())}, "
        + counted(len(trial.scores), "seed")
        for trial in trials
    ]
    y = [values(trial)[objective] for trial in trials]
    figure.add_trace(go.Scatter(x=x, y=y, text=texts, mode="markers", **look), **at)
