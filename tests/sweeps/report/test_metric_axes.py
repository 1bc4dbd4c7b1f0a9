"""Axes of accuracies end at 1 in every figure that a sweep or a run draws, in files and on the page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradexp.sweeps.report import drawn_settings, plotly_figures, plotly_search
from gradexp.sweeps.report.comparison.compare import compare
from gradexp.sweeps.report.comparison.figure import figure as comparison_figure
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.drawn_curves import curves_by_tag
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.matplotlib_figures import sweep_figures
from gradexp.sweeps.report.metric_axes import end_at_bounds
from gradexp.sweeps.report.plotly_bands import penalties
from gradexp.sweeps.report.results import read_sweep
from gradexp.sweeps.report.run.drawn_run import curve_figure
from gradexp.sweeps.report.search import Found
from gradexp.sweeps.report.search_figures import search_figures
from gradexp.sweeps.report.studies.vanishing_gradients import Family, gradient_norms_by_depth
from gradexp.sweeps.search.objectives import Objective
from gradexp.sweeps.search.space import Dimension
from gradexp.sweeps.search.trials import Trial
from tests.sweeps.folders import grid, write_sweep
from tests.sweeps.report.comparison.jobs import job, settings, sweep

RATES = {"0.001": 0.5, "0.01": 0.9, "0.1": 1.0}
CONFIG = {"optimizer._target_": "torch.optim.SGD", "regularizer.l1": 0.0, "regularizer.l2": 0.0}
PERFECT = ([1, 2, 3], [0.9, 1.0, 1.0])


def search() -> Found:
    objectives = [Objective("val/accuracy", "max"), Objective("best/val/accuracy", "max")]
    trials = [Trial(n, {"optimizer.lr": rate}, {0: (score, score)}) for n, (rate, score) in enumerate(RATES.items())]
    space = {"optimizer.lr": Dimension(choices=tuple(RATES))}
    return Found("tpe", objectives, [0], space, trials, 0, trials[2:], [[]], {})


def drawn() -> Iterator[tuple[str, Figure]]:
    """Figures with scores of exactly 1, by their names."""
    yield "study", curves_by_tag({"train/accuracy": {"a": PERFECT}, "val/loss": {"a": PERFECT}}, "curves")
    yield "run", curve_figure("accuracy", {"train/accuracy": PERFECT}, {})
    yield from search_figures(search()).items()
    yield (
        "depths",
        gradient_norms_by_depth([Family("relu", {2: [0.1, 0.2], 3: [0.1] * 3}, {2: 0.9, 3: 1.0})], "val/accuracy"),
    )
    scores = {"a": [1.0, 0.9, 1.0], "b": [0.5, 0.6, 0.5]}
    yield "comparison", comparison_figure(compare(settings(scores), Metric("best/val/accuracy", 1)))


def axes_of_accuracy(figure: Figure) -> Iterator[tuple[Axes, str]]:
    for axes in figure.axes:
        for along in "xy":
            if getattr(axes, f"get_{along}label")().endswith("accuracy"):
                yield axes, along


def test_an_axis_of_accuracies_ends_at_1() -> None:
    for name, figure in drawn():
        found = list(axes_of_accuracy(figure))
        assert len(found) == (2 if name == "sweep/search_front" else 1), name
        for axes, along in found:
            low, high = getattr(axes, f"get_{along}lim")()
            assert 0 <= low < 0.95, name
            assert high == 1, name


def test_an_axis_without_bounds_stays_and_a_line_at_the_end_is_drawn_whole() -> None:
    axes = Figure().subplots()
    inside, beyond = axes.plot([0, 1], [0.9, 1.0])[0], axes.plot([0, 1], [0.9, 1.1])[0]
    marked = axes.axvline(0.5)
    before = axes.get_ylim()
    end_at_bounds(axes, "val/loss")
    assert axes.get_ylim() == before
    end_at_bounds(axes, "val/accuracy")
    assert axes.get_ylim() == (before[0], 1)
    assert [line.get_clip_on() for line in (inside, beyond, marked)] == [False, True, True]
    end_at_bounds(axes, "val/r2")
    assert axes.get_ylim() == (before[0], 1)


def test_the_page_ends_them_at_1_too(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(optimizer__lr=[0.001, 0.01], seed=[0, 1]))
    findings = replace(find(read_sweep(folder)), search=search())
    for draw in (plotly_search.history, plotly_search.slices, plotly_search.front):
        figure = draw(findings)
        assert figure is not None
        assert figure.layout.yaxis.autorangeoptions.clipmax == 1
    front = plotly_search.front(findings)
    assert front is not None
    assert front.layout.xaxis.autorangeoptions.clipmax == 1, "its first objective"
    curves = plotly_figures.of_chosen_jobs(findings).layout
    assert curves.yaxis.autorangeoptions.clipmax == 1
    assert curves.yaxis2.autorangeoptions.clipmax is None, "a loss"
    assert curves.yaxis2.tickmode == "auto", "else its ticks are where those of the left axis are, on no round number"


@pytest.mark.parametrize(("l1", "is_drawn"), [([0.0], False), ([0.0, 0.1], True)])
def test_penalties_are_a_map_where_both_vary(l1: list[float], is_drawn: bool) -> None:
    typed = grid(regularizer__l1=l1, regularizer__l2=[0.0, 0.01])
    score: dict[str, Any] = {"best/val/accuracy": 0.9}
    found = find(sweep([job(n, one, config=CONFIG | one, metrics=score) for n, one in enumerate(typed)]))
    assert found.penalties is not None, "the best of them is said"
    assert (drawn_settings.penalties(found) is not None) is is_drawn
    assert (penalties(found) is not None) is is_drawn
    assert ("sweep/penalties" in sweep_figures(found)) is is_drawn


def test_no_line_is_seen_through_the_labels_of_parallel_coordinates() -> None:
    typed = grid(optimizer__lr=[0.01, 0.1], seed=[0, 1])
    metrics = [{"best/val/accuracy": 0.9 + n / 100} for n in range(4)]
    found = find(sweep([job(n, one, config=CONFIG | one, metrics=metrics[n]) for n, one in enumerate(typed)]))
    figure = drawn_settings.coordinates(found)
    assert figure is not None
    (axes,) = figure.axes
    (lines,) = axes.collections
    assert len(axes.texts) == 6
    for label in axes.texts:
        ground = label.get_bbox_patch()
        assert ground is not None
        assert ground.get_facecolor() == (1, 1, 1, 1)
        assert label.get_zorder() > lines.get_zorder()
    page = plotly_figures.coordinates(found)
    assert page is not None
    assert {note.bgcolor for note in page.layout.annotations} == {"#ffffff", None}, "the scores are beside the lines"
