"""The figures of a search."""

from types import SimpleNamespace
from typing import Any

from gradexp.sweeps.report import plotly_search, search_figures
from gradexp.sweeps.report.search import Found
from gradexp.sweeps.search.objectives import Objective
from gradexp.sweeps.search.space import Dimension
from gradexp.sweeps.search.trials import Trial
from tests.figures.rendering import render


def test_a_list_of_numbers_and_null_is_an_axis_of_texts() -> None:
    trials = [Trial(n, {"patience": value}, {0: (0.9,)}) for n, value in enumerate((5, None, 10))]
    space = {"patience": Dimension(choices=("5", "null", "10"))}
    found = Found("tpe", [Objective("val/loss", "min")], [0], space, trials, 0, trials[:1], [[]], {})
    drawn = search_figures.slices(found)
    render(drawn)
    assert [label.get_text() for label in drawn.axes[0].get_xticklabels()] == ["5", "null", "10"]
    findings: Any = SimpleNamespace(search=found)
    figure = plotly_search.slices(findings)
    assert figure is not None
    assert figure.layout.xaxis.type == "category", "Plotly would leave out what is no number"
    assert figure.data[0].x == ("5", "null", "10")
