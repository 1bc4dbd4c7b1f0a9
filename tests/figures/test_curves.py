"""Curves hold the numbers that went in, on an axis that shows them."""

from pathlib import Path

import numpy as np
import pytest

from gradexp.figures import cost_comparison, loss_curve
from tests.figures.rendering import curves_in, rendered

STEPS = np.array([10.0, 20.0, 30.0])
FALLING = np.array([4.0, 2.0, 1.0])


def test_a_loss_curve_has_a_line_and_a_label_for_each() -> None:
    figure = loss_curve({"train/loss": (STEPS, FALLING), "val/loss": (STEPS[1:], FALLING[1:])}, "Model")
    rendered(figure)
    (axes,) = figure.axes
    found = curves_in(axes)
    np.testing.assert_array_equal(found["train/loss"], np.stack([STEPS, FALLING], axis=1))
    np.testing.assert_array_equal(found["val/loss"], [[20, 2], [30, 1]])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train/loss", "val/loss"]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("Model", "steps", "loss")


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([2.0, 1.0], "linear"),
        ([100.0, 1.0], "log"),  # more than a factor of 20
        ([100.0, 0.0], "linear"),  # zero has no logarithm
        ([100.0, -1.0], "linear"),
        ([100.0, np.nan, 1.0], "log"),
        ([np.inf, 1.0], "linear"),
        ([np.nan], "linear"),
        ([], "linear"),
    ],
)
def test_the_axis_is_logarithmic_where_that_shows_more(losses: list[float], scale: str) -> None:
    figure = loss_curve({"train/loss": (np.arange(float(len(losses))), np.array(losses))}, "Model")
    rendered(figure)
    assert figure.axes[0].get_yscale() == scale


def test_no_curve_at_all_is_drawn() -> None:
    rendered(loss_curve({}, "Model"))


def test_costs_are_compared_over_epochs_and_over_seconds_on_one_scale() -> None:
    seconds = {"full batch": np.array([0.0, 0.1, 0.2]), "batches of 1": np.array([0.0, 3.0, 6.0])}
    costs = {"full batch": FALLING, "batches of 1": FALLING / 30}
    epochs = np.arange(3.0)
    by_epoch = {name: (epochs, cost) for name, cost in costs.items()}
    by_second = {name: (seconds[name], cost) for name, cost in costs.items()}
    figure = cost_comparison(by_epoch, by_second, "costs")
    rendered(figure)
    left, right = figure.axes
    for name, cost in costs.items():
        np.testing.assert_array_equal(curves_in(left)[name], np.stack([epochs, cost], axis=1))
        # The start, at no seconds, has no place on a logarithmic axis.
        np.testing.assert_array_equal(curves_in(right)[name], np.stack([seconds[name][1:], cost[1:]], axis=1))
    assert (left.get_xlabel(), right.get_xlabel()) == ("epochs", "seconds")
    assert left.get_yscale() == right.get_yscale() == right.get_xscale() == "log"
    assert left.get_ylim() == right.get_ylim()
    assert figure.get_suptitle() == "costs"


def test_curves_leave_their_input_alone(tmp_path: Path) -> None:
    steps, losses = STEPS.copy(), FALLING.copy()
    loss_curve({"train/loss": (steps, losses)}, "Model").savefig(tmp_path / "curve.png")
    np.testing.assert_array_equal(steps, STEPS)
    np.testing.assert_array_equal(losses, FALLING)
