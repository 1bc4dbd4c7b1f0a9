"""The figures of a run: which curves belong together, and what they show."""

from pathlib import Path

import numpy as np
import pytest

from gradexp.reports.calibration import calibration
from gradexp.reports.curves import curves, scalars
from gradexp.sweeps.report.results import Job
from gradexp.sweeps.report.run.run_figures import (
    MOST_POINTS,
    confusion,
    curve_figure,
    curve_groups,
    reliability,
    residuals,
)
from gradexp.sweeps.report.studies.vanishing_gradients import _norms
from tests.sweeps.folders import write_curve

CURVES = {
    "train/loss": ([1, 2, 3], [5.0, 0.5, 0.001]),
    "val/loss": ([2, 3], [0.6, 0.4]),
    "train/objective": ([1, 2, 3], [5.0, 0.5, 0.001]),
    "train/accuracy": ([1, 2, 3], [0.1, 0.9, 1.0]),
    "val/accuracy": ([2, 3], [0.8, 0.95]),
    "train/lr": ([1, 2, 3], [0.1, 0.1, 0.1]),
    "test/accuracy": ([3], [0.9]),
    "best/epoch": ([3], [2.0]),
    "weights/grad_norm/a": ([1, 2], [1.0, 2.0]),
    "weights/grad_norm/b": ([1, 2], [2.0, 1.0]),
    "train/loss_epoch": ([1, 2], [3.0, 1.0]),
}


def test_curves_of_one_metric_share_a_figure_and_constants_and_repetitions_have_none() -> None:
    groups = curve_groups(CURVES, "val/accuracy")
    assert {name: list(group) for name, group in groups.items()} == {
        "loss": ["train/loss", "val/loss"],
        "accuracy": ["train/accuracy", "val/accuracy"],
        "grad_norm": ["weights/grad_norm/a", "weights/grad_norm/b"],
    }
    # With a penalty, the objective is another curve; a schedule makes the rate one.
    more = CURVES | {"train/objective": ([1, 2], [9.0, 8.0]), "train/lr": ([1, 2], [0.1, 0.2])}
    assert list(curve_groups(more, "val/accuracy")) == ["loss", "accuracy", "grad_norm", "lr", "objective"]
    # Epochs shorter than the interval of logging.
    short = CURVES | {"train/loss": ([2], [0.5])}
    assert curve_groups(short, "val/accuracy")["loss"]["train/loss"] == CURVES["train/loss_epoch"]


def test_a_loss_over_decades_has_a_logarithmic_axis_and_an_accuracy_ends_at_1() -> None:
    groups = curve_groups(CURVES, "val/accuracy")
    loss = curve_figure("loss", groups["loss"], {"best/step": 3})
    assert loss.layout.yaxis.type == "log"
    assert loss.layout.shapes[0].x0 == 3, "the weights that are tested"
    accuracy = curve_figure("accuracy", groups["accuracy"], {})
    assert accuracy.layout.yaxis.autorangeoptions.clipmax == 1
    assert accuracy.layout.yaxis.type is None
    assert not accuracy.layout.shapes


def test_the_confusion_matrix_and_the_reliability_diagram_show_the_counts() -> None:
    counts = np.array([[8, 2], [0, 5]])
    (heatmap,) = confusion(counts, ["0", "1"]).data
    assert [list(row) for row in heatmap.text] == [["8", "2"], ["", "5"]]
    assert heatmap.z[0] == pytest.approx([0.8, 0.2])
    found = calibration(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]), np.array([0, 1, 1, 0]), bins=2)
    _, bars, line = reliability(found).data
    assert list(line.x) == pytest.approx([0.75])
    assert list(line.y) == pytest.approx([0.75])
    assert list(bars.y) == pytest.approx([1.0])


def test_of_many_samples_some_are_drawn() -> None:
    true = np.linspace(0, 1, 3 * MOST_POINTS)
    (points,) = residuals(true + 0.5, true).data
    assert len(points.x) == MOST_POINTS
    assert points.y == pytest.approx(0.5)


def test_an_earlier_runs_page_and_study_show_what_todays_do(tmp_path: Path) -> None:
    tags = ["lr", "parameter/bias", *(f"bias_grad_norm/network.linear_{number}" for number in (1, 2))]
    today = ["train/lr", *(f"weights/{tag}" for tag in tags[1:])]
    found = []
    for number, names in enumerate((tags, today)):
        folder = tmp_path / str(number)
        for tag in names:
            write_curve(folder, tag, [1.0, 2.0])
        job = Job(folder, "grid", "completed", {}, [], {"model.hidden": [3, 3]}, {})
        found.append((curve_groups(curves(folder, scalars(folder)), "val/loss"), _norms(job)))
    earlier, (groups, norms) = found
    assert earlier == (groups, norms)
    assert {name: list(group) for name, group in groups.items()} == {
        "bias_grad_norm": today[2:],
        "lr": today[:1],
        "parameter": today[1:2],
    }
    assert norms == [1.0, 1.0]
