"""The figure of bias and variance shows the given numbers, and one legend for all panels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradexp.figures import Array
from gradexp.figures.output import figures_as
from gradexp.sweeps.report.studies.bias_variance import Complexity, bias_variance_curves

X = np.arange(1.0, 5)
LINEAR = Complexity(
    name="linear", label="degree", x=X, bias2=np.array([0.2, 0.1, -0.01, 0.02]), variance=0.01 * X, noise=0.09 + 0 * X,
    error=np.array([0.3, 0.2, 0.12, 0.15]), error_se=0.01 * X, train=0.2 / X,
)  # fmt: skip
STEEP = replace(LINEAR, name="steep", noise=None, error=np.array([3.0, 0.3, 0.12, 0.15]))


def bias2_of(axes: Axes) -> Array:
    (line,) = [line for line in axes.get_lines() if line.get_label() == "bias²"]
    return np.asarray(line.get_ydata(), dtype=float)


def legends(figure: Figure) -> list[list[str]]:
    found = [axes.get_legend() for axes in figure.axes]
    drawn = [*figure.legends, *(one for one in found if one is not None)]
    return [[text.get_text() for text in legend.get_texts()] for legend in drawn]


def test_an_estimate_below_zero_is_a_gap_on_a_logarithmic_axis_and_drawn_on_a_linear_one() -> None:
    linear, steep = bias_variance_curves([LINEAR, STEEP]).axes
    assert (linear.get_yscale(), steep.get_yscale()) == ("linear", "log")
    np.testing.assert_array_equal(bias2_of(linear), LINEAR.bias2)
    np.testing.assert_array_equal(bias2_of(steep), [0.2, 0.1, np.nan, 0.02])
    assert [axes.get_title() for axes in (linear, steep)] == ["linear\nleast error at 3", "steep\nleast error at 3"]


@pytest.mark.parametrize(
    ("panels", "size"), [([LINEAR], None), ([LINEAR] * 2, None), ([LINEAR] * 3, None), ([LINEAR] * 3, "column")]
)
def test_all_panels_share_one_legend_which_covers_none(panels: Sequence[Complexity], size: str | None) -> None:
    with figures_as(size=size):
        figure = bias_variance_curves(panels)
        figure.draw_without_rendering()
    ((*labels,),) = legends(figure)
    assert sorted(labels) == sorted(
        ["bias²", "variance", "noise", "their sum", "training error", "least error", "measured error ± standard error"]
    )
    ((legend,),) = [[*figure.legends, *(one for axes in figure.axes if (one := axes.get_legend()) is not None)]]
    box = legend.get_window_extent()
    for axes in figure.axes:
        assert not axes.axison or not box.overlaps(axes.get_window_extent())
    assert figure.bbox.x0 <= box.x0
    assert box.x1 <= figure.bbox.x1


def test_the_legend_explains_gaps_only_where_there_are_some() -> None:
    gap = "not drawn: estimates of bias² below 0"
    assert gap in legends(bias_variance_curves([STEEP]))[0]
    assert gap not in legends(bias_variance_curves([LINEAR]))[0]
