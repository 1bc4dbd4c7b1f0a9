"""LossCurve against the curves in TensorBoard."""

from pathlib import Path

import numpy as np
import pytest

from gradexp import run
from tests.callbacks.drawing import assert_drawn_and_shown, record
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import events

SHORT = ("+experiment=diabetes", "data.repeat=50", "trainer.log_every_n_steps=10", "test=false")


def logged(folder: Path, tag: str) -> tuple[list[int], list[float]]:
    """Steps and values of a curve."""
    points = events(folder).Scalars(tag)
    return [point.step for point in points], [point.value for point in points]


def test_the_training_curve_equals_tensorboards(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run(*SHORT, "trainer.max_epochs=2")
    (call,) = calls["loss_curve"]
    steps, losses = call["curves"]["train/loss"]
    assert list(steps) == list(range(10, 101, 10))
    np.testing.assert_allclose((steps, losses), logged(result.folder, "train/loss"), rtol=1e-6)
    assert call.keys() == {"curves"}, "the title says what is shown, not the class"


@pytest.mark.parametrize("automatic", [True, False])
def test_every_logged_step_is_in_the_curve(automatic: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    at_once = f"data.steps_per_execution={1 if automatic else 50}"
    settings = ("data.repeat=7", "trainer.log_every_n_steps=1", "trainer.max_epochs=2", "figures=true")
    result = run(*SHORT, *settings, at_once)
    steps, losses = calls["loss_curve"][0]["curves"]["train/loss"]
    assert list(steps) == list(range(1, 15))
    np.testing.assert_allclose(losses, logged(result.folder, "train/loss")[1], rtol=1e-6)


def test_the_validation_curve_equals_tensorboards(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run(*SHORT, "trainer.max_epochs=3")
    steps, losses = calls["loss_curve"][0]["curves"]["val/loss"]
    assert list(steps) == [50, 100, 150]
    np.testing.assert_allclose((steps, losses), logged(result.folder, "val/loss"), rtol=1e-6)


def test_the_curve_continues_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    with monkeypatch.context() as patch:
        cut_power_at(120, patch)
        with pytest.raises(PowerCut):
            run(*SHORT, "trainer.max_epochs=3", "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt")
    steps, losses = calls["loss_curve"][0]["curves"]["train/loss"]
    assert list(steps) == list(range(10, 151, 10))
    np.testing.assert_allclose((steps, losses), logged(resumed.folder, "train/loss"), rtol=1e-6)


def test_the_curve_of_a_finished_run_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    first = run(*SHORT, "trainer.max_epochs=1")
    run(f"ckpt_path={first.folder}/checkpoints/last.ckpt", "trainer.max_epochs=2")
    before, after = (call["curves"]["train/loss"] for call in calls["loss_curve"])
    assert list(after[0]) == list(range(10, 101, 10))
    np.testing.assert_array_equal(after[1][:5], before[1])


def test_a_classifier_of_images_has_a_curve() -> None:
    result = run("trainer.max_epochs=1", "trainer.log_every_n_steps=10", "test=false")
    assert_drawn_and_shown(result.folder, "loss_curve")


def test_without_figures_nothing_is_drawn() -> None:
    result = run(*SHORT, "trainer.max_epochs=1", "figures=false")
    assert not (result.folder / "figures").exists()


def test_epochs_shorter_than_the_interval_of_logging_are_points_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    settings = ("data.repeat=2", "trainer.log_every_n_steps=50", "figures=true")
    first = run(*SHORT, *settings, "trainer.max_epochs=2")
    resumed = run(f"ckpt_path={first.folder}/checkpoints/last.ckpt", "trainer.max_epochs=3")
    steps, losses = calls["loss_curve"][-1]["curves"]["train/loss"]
    assert list(steps) == [2, 4, 6]
    np.testing.assert_allclose((steps, losses), logged(resumed.folder, "train/loss_epoch"), rtol=1e-6)
