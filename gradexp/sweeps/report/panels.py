"""The figures of the page, in their order."""

from collections.abc import Callable
from typing import NamedTuple

import plotly.graph_objects as go

from gradexp.sweeps.report import captions, plotly_bands, plotly_figures, plotly_search
from gradexp.sweeps.report.findings import Findings


class Panel(NamedTuple):
    """A figure of the page, its caption, and the message if there is none."""

    key: str
    title: str
    caption: Callable[[Findings], str]
    draw: Callable[[Findings], go.Figure | None]
    absent: str


def constant(caption: str) -> Callable[[Findings], str]:
    """A caption that is the same for all findings."""
    return lambda findings: caption


FEW = "fewer than two jobs have a score"
PANELS = (
    Panel(
        "learning_rate",
        "Learning rate",
        captions.learning_rate,
        plotly_bands.learning_rate,
        "no optimizer has more than one learning rate",
    ),
    Panel("penalties", "L1 and L2", captions.penalties, plotly_bands.penalties, "they do not both vary"),
    Panel("coordinates", "All settings", captions.coordinates, plotly_figures.coordinates, FEW),
    Panel("curves", "Learning curves", captions.curves, plotly_bands.curves, "no job has logged any"),
    Panel("time", "Time against score", captions.time, plotly_figures.time, FEW),
    Panel(
        "importance",
        "What matters",
        captions.importance,
        plotly_figures.importance,
        "no axis has values that several jobs share, with scores that differ",
    ),
)

SEARCH_PANELS = (
    Panel(
        "search_history",
        "History of the search",
        constant(
            "Each trial with its mean over the seeds that it has: full dots have all seeds, and only these may be the "
            "best; rings have the first seed alone, crosses were cut short. The line is the best so far."
        ),
        plotly_search.history,
        "no trial has ended",
    ),
    Panel(
        "search_slices",
        "Slices",
        constant("The trials over one key at a time; the later a trial, the darker."),
        plotly_search.slices,
        "no trial has ended",
    ),
    Panel(
        "search_importance",
        "Importance",
        constant(
            "The share of the variance over the whole space that each key explains by itself, by functional ANOVA of a "
            "random forest that is fitted to the trials. Of few trials it is a guess."
        ),
        plotly_search.importance,
        "it needs two keys, ten trials and Optuna",
    ),
    Panel(
        "search_front",
        "Front",
        constant("The trials by their first two objectives. None is better in all objectives than one on the line."),
        plotly_search.front,
        "the search has one objective",
    ),
)


def panels(findings: Findings) -> tuple[Panel, ...]:
    """The panels of a grid, or of a search, whose importances are of another kind."""
    if findings.search is None:
        return PANELS
    return (*SEARCH_PANELS, *(panel for panel in PANELS if panel.key != "importance"))
