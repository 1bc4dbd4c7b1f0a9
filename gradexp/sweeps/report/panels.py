"""The figures of the page, in their order."""

from collections.abc import Callable
from typing import NamedTuple

import plotly.graph_objects as go

from gradexp.sweeps.report import plotly_bands, plotly_figures, plotly_search
from gradexp.sweeps.report.findings import Findings


class Panel(NamedTuple):
    """A figure of the page, and the message if there is none."""

    key: str
    title: str
    caption: str
    draw: Callable[[Findings], go.Figure | None]
    absent: str


FEW = "fewer than two jobs have completed"
PANELS = (
    Panel(
        "learning_rate",
        "Learning rate",
        "The best setting at each rate; the mean over its seeds, with a band to choose. A cross at the edge marks a "
        "rate at which a job diverged. A few far worse scores are left outside: a double click shows all.",
        plotly_bands.learning_rate,
        "no optimizer has more than one learning rate",
    ),
    Panel(
        "penalties",
        "L1 and L2",
        "The best setting at each pair; the mean over its seeds, with its range.",
        plotly_bands.penalties,
        "neither of the two varies",
    ),
    Panel(
        "coordinates",
        "All settings",
        "One line per job, through its settings to its score on the right; green is good.",
        plotly_figures.coordinates,
        FEW,
    ),
    Panel(
        "curves",
        "Learning curves",
        "The best setting and the median one; dotted: the training loss, on the right. The mean over the seeds, as "
        "long as half of them train, with a band to choose; a click in the legend shows further settings, numbered as "
        "in the table of the best.",
        plotly_bands.curves,
        "no job has logged any",
    ),
    Panel(
        "time",
        "Time against score",
        "One point per setting, means over its seeds. None is both faster and better than one on the line.",
        plotly_figures.time,
        FEW,
    ),
    Panel(
        "importance",
        "What matters",
        "Shares of the score's variance over the completed jobs, 100 % in all: what each axis explains by itself (eta "
        "squared; what several axes explain alike is divided among them), what axes explain only in combination "
        "(interactions), and what differs between the seeds of one setting (noise). With one seed the interactions "
        "contain the noise. Diverged jobs have no score here.",
        plotly_figures.importance,
        "no axis has values that several jobs share, with scores that differ",
    ),
)

SEARCH_PANELS = (
    Panel(
        "search_history",
        "History of the search",
        "Each trial with its mean over the seeds that it has: full dots have all seeds, and only these may be the "
        "best; rings have the first seed alone, crosses were cut short. The line is the best so far.",
        plotly_search.history,
        "no trial has ended",
    ),
    Panel(
        "search_slices",
        "Slices",
        "The trials over one key at a time; the later a trial, the darker.",
        plotly_search.slices,
        "no trial has ended",
    ),
    Panel(
        "search_importance",
        "Importance",
        "The share of the variance over the whole space that each key explains by itself, by functional ANOVA of a "
        "random forest that is fitted to the trials. Of few trials it is a guess.",
        plotly_search.importance,
        "it needs two keys, ten trials and Optuna",
    ),
    Panel(
        "search_front",
        "Front",
        "The trials by their first two objectives. None is better in all objectives than one on the line.",
        plotly_search.front,
        "the search has one objective",
    ),
)


def panels(findings: Findings) -> tuple[Panel, ...]:
    """The panels of a grid, or of a search, whose importances are of another kind."""
    if findings.search is None:
        return PANELS
    return (*SEARCH_PANELS, *(panel for panel in PANELS if panel.key != "importance"))
