"""Curves show the given numbers on a suitable axis."""

from pathlib import Path

import numpy as np
import pytest

from gradexp.figures import cost_comparison, loss_curve
from tests.figures.rendering import curves_in, render

STEPS = np.array([10.0, 20.0, 30.0])
FALLING = np.array([4.0, 2.0, 1.0])


def test_loss_curve_has_a_line_and_a_label_per_curve() -> None:
    figure = loss_curve({"train/loss": (STEPS, FALLING), "val/loss": (STEPS[1:], FALLING[1:])})
    render(figure)
    (axes,) = figure.axes
    curves = curves_in(axes)
    np.testing.assert_array_equal(curves["train/loss"], np.stack([STEPS, FALLING], axis=1))
    np.testing.assert_array_equal(curves["val/loss"], [[20, 2], [30, 1]])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train/loss", "val/loss"]
    assert len({line.get_linestyle() for line in axes.lines}) == 2, "told apart without colours"
    assert len({str(line.get_marker()) for line in axes.lines}) == 2
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "Loss of training and validation",
        "steps",
        "loss",
    )


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
def test_axis_is_logarithmic_for_a_large_range_of_positive_losses(losses: list[float], scale: str) -> None:
    figure = loss_curve({"train/loss": (np.arange(float(len(losses))), np.array(losses))})
    render(figure)
    assert figure.axes[0].get_yscale() == scale


def test_loss_curve_without_curves_is_drawn() -> None:
    render(loss_curve({}))


def test_cost_comparison_has_a_common_scale_over_epochs_and_seconds() -> None:
    seconds = {"full batch": np.array([0.0, 0.1, 0.2]), "batches of 1": np.array([0.0, 3.0, 6.0])}
    costs = {"full batch": FALLING, "batches of 1": FALLING / 30}
    epochs = np.arange(3.0)
    by_epoch = {name: (epochs, cost) for name, cost in costs.items()}
    by_second = {name: (seconds[name], cost) for name, cost in costs.items()}
    figure = cost_comparison(by_epoch, by_second, "costs")
    render(figure)
    left, right = figure.axes
    for name, cost in costs.items():
        np.testing.assert_array_equal(curves_in(left)[name], np.stack([epochs, cost], axis=1))
        # The start at 0 seconds cannot be on a logarithmic axis.
        np.testing.assert_array_equal(curves_in(right)[name], np.stack([seconds[name][1:], cost[1:]], axis=1))
    assert (left.get_xlabel(), right.get_xlabel()) == (
        "epochs", "seconds (logarithmic: the start at 0 is left out)",
    )  # fmt: skip
    assert left.get_yscale() == right.get_yscale() == right.get_xscale() == "log"
    assert left.get_ylim() == right.get_ylim()
    assert figure.get_suptitle() == "costs"


def test_loss_curve_does_not_change_its_input(tmp_path: Path) -> None:
    steps, losses = STEPS.copy(), FALLING.copy()
    loss_curve({"train/loss": (steps, losses)}).savefig(tmp_path / "curve.png")
    np.testing.assert_array_equal(steps, STEPS)
    np.testing.assert_array_equal(losses, FALLING)
