"""A search as matplotlib figures, for PNG files and TensorBoard."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from gradexp.figures.layout import area, legend_below, new_figure, new_panels, set_heading, set_title
from gradexp.figures.style import BLUE, INK, ORANGE, styled
from gradexp.sweeps.report.metric_axes import end_at_bounds
from gradexp.sweeps.report.search import Found, Kind, values

SIZE = (7.5, 4.5)
COLUMNS = 3  # of slices
LOOKS: Mapping[Kind, dict[str, Any]] = {
    "whole": {"color": BLUE},
    "partial": {"facecolors": "none", "edgecolors": BLUE},
    "pruned": {"color": BLUE, "marker": "x"},
}


def search_figures(found: Found) -> dict[str, Figure]:
    """History and slices, and the front of several objectives, by tag."""
    drawn = {"sweep/search_history": history(found), "sweep/search_slices": slices(found)}
    if len(found.objectives) > 1:
        drawn["sweep/search_front"] = front(found)
    return drawn


@styled
def history(found: Found) -> Figure:
    """The first objective against the number of the trial; full dots have all seeds."""
    figure = new_figure(*SIZE)
    axes = figure.subplots()
    for kind, name, trials in found.kinds:
        axes.scatter([one.number for one in trials], [values(one)[0] for one in trials], label=name, **LOOKS[kind])
    axes.step([one.number for one in found.whole], found.so_far, where="post", color=ORANGE, label="best so far")
    axes.set(xlabel="trial", ylabel=found.objectives[0].metric)
    end_at_bounds(axes, found.objectives[0].metric)
    set_title(axes, f"History of the search by {found.sampler}")
    axes.grid()
    legend_below(axes)
    return figure


@styled
def slices(found: Found) -> Figure:
    """The first objective against each key; the later a trial, the darker."""
    figure, panels = new_panels(len(found.space), COLUMNS, 3.2, 3.2, sharey=True)
    numbers = [trial.number for trial in found.trials]
    scores = [values(trial)[0] for trial in found.trials]
    for axes, (key, one) in zip(panels, found.space.items(), strict=False):
        look: dict[str, Any] = {"c": numbers, "cmap": "Blues", "vmin": -len(numbers) / 3, "edgecolors": INK}
        axes.scatter(found.along(key), scores, linewidths=0.5, s=area(24), **look)
        axes.set_xlabel(key)
        if one.log:  # a list of values keeps its own scale
            axes.set_xscale("log")
        axes.grid()
    panels[0].set_ylabel(found.objectives[0].metric)
    end_at_bounds(panels[0], found.objectives[0].metric)  # all share it
    set_heading(figure, "Trials over one key at a time; the later, the darker")
    return figure


@styled
def front(found: Found) -> Figure:
    """The second objective against the first one, with the line of those that no other beats in all."""
    figure = new_figure(*SIZE)
    axes = figure.subplots()
    for kind, name, trials in found.kinds:
        first, second = zip(*(values(trial)[:2] for trial in trials), strict=True)
        axes.scatter(first, second, label=name, **LOOKS[kind])
    points = sorted(values(trial)[:2] for trial in found.best)
    axes.plot([x for x, _ in points], [y for _, y in points], "s-", color=ORANGE, label="no other is better in all")
    axes.set(xlabel=found.objectives[0].metric, ylabel=found.objectives[1].metric)
    for along, objective in zip("xy", found.objectives, strict=False):
        end_at_bounds(axes, objective.metric, along)
    set_title(axes, "Trials by two objectives")
    axes.grid()
    legend_below(axes)
    return figure
