"""Each verdict on curves made for it and on runs that deserve it; afterwards the run's folder says the same."""

from pathlib import Path
from typing import Any

import pytest

from gradexp import run
from gradexp.reports.diagnosis import diagnose
from tests.command_line import call

pytestmark = pytest.mark.slow

STEPS = list(range(1, 21))
FALLING = [2.0 / step for step in STEPS]
FLAT = [0.1] * 20
U_SHAPED = [1.0 - 0.08 * step if step <= 10 else 0.2 + 0.02 * (step - 10) for step in STEPS]
GOOD = {"train/accuracy": 0.99, "val/accuracy": 0.985, "samples/val": 1000, "classes": 10}
QUICK = ("figures=false", "test=false")


def verdict(metrics: dict[str, Any], train: list[float], val: list[float]) -> tuple[str, str]:
    whole = {"status": "completed", "train/loss": train[-1], "val/loss": val[-1], **metrics}
    found = diagnose(whole, {"train/loss": (STEPS, train), "val/loss": (STEPS, val)}, {"regularizer.l2": 0.0})
    assert found is not None
    return found.kind, str(found)


def test_a_validation_loss_that_rises_while_training_falls_is_over_fitting() -> None:
    kind, words = verdict(GOOD, FALLING, U_SHAPED)
    assert kind == "over-fitting"
    # The last tenth's mean is 0.39, the minimum 0.2.
    assert "val/loss ends 95% above its minimum of 0.2 at step 10 of 20 while train/loss fell to 0.1" in words
    assert "early_stopping.patience=5" in words


def test_scatter_a_small_rise_and_a_training_loss_that_rises_too_are_not() -> None:
    scattered = [0.2 + (0.05 if step % 2 else 0.0) for step in STEPS]
    assert verdict(GOOD, FALLING, scattered)[0] == "neither"
    slight = [0.2 if step <= 10 else 0.205 for step in STEPS]
    assert verdict(GOOD, FALLING, slight)[0] == "neither"
    assert verdict(GOOD, U_SHAPED, U_SHAPED)[0] == "neither"


@pytest.mark.parametrize(
    ("val", "samples", "kind"),
    [(0.90, 1000, "over-fitting"), (0.975, 1000, "neither"), (0.93, 30, "neither"), (0.965, 100_000, "over-fitting")],
)
def test_a_gap_counts_from_two_points_and_three_standard_errors(val: float, samples: int, kind: str) -> None:
    assert verdict(GOOD | {"val/accuracy": val, "samples/val": samples}, FLAT, FLAT)[0] == kind


@pytest.mark.parametrize(
    ("train", "val", "samples", "kind"),
    [(0.95, 0.94, 100, "neither"), (0.95, 0.6, 1000, "over-fitting"), (0.5, 0.4, 71, "under-fitting")],
)
def test_of_a_regression_r2_is_the_score(train: float, val: float, samples: int, kind: str) -> None:
    assert verdict({"train/r2": train, "val/r2": val, "samples/val": samples}, FLAT, FLAT)[0] == kind


def test_what_is_not_learnt_and_what_is_not_done_is_under_fitting() -> None:
    # Of ten classes chance gets 90 % wrong: 45 % wrong is half of that.
    kind, words = verdict(GOOD | {"train/accuracy": 0.55, "val/accuracy": 0.54}, FLAT, FLAT)
    assert kind == "under-fitting"
    assert "50% of the error of knowing nothing is left" in words
    assert "or noise" in words
    kind, words = verdict(GOOD | {"train/accuracy": 0.9, "val/accuracy": 0.9}, FALLING, FALLING)
    assert kind == "under-fitting"
    # The means of 2/17, 2/18 and of 2/19, 2/20.
    assert "still falling, by 10%" in words


@pytest.mark.parametrize("lacking", ["val/loss", "train/loss", "val/accuracy", "status"])
def test_without_numbers_to_go_by_there_is_no_diagnosis(lacking: str) -> None:
    metrics = {"status": "completed", "train/loss": 0.1, "val/loss": 0.1, **GOOD}
    del metrics[lacking]
    assert diagnose(metrics, {}, {}) is None


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (("data.val_size=1338", "trainer.max_epochs=60"), "over-fitting"),
        (("model.hidden=[1]", "trainer.max_epochs=5"), "under-fitting"),
        (("regularizer.l2=1e-4",), "neither"),
    ],
)
def test_a_run_is_told_and_its_folder_says_the_same_later(
    settings: tuple[str, ...],
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = run(*settings, *QUICK, f"hydra.run.dir={tmp_path / 'run'}")
    assert result.metrics["diagnosis"] == kind
    capsys.readouterr()
    assert call(monkeypatch, "task=report", f"sweep_dir={tmp_path / 'run'}") is None
    assert capsys.readouterr().out.strip() in result.notes


def test_of_a_run_without_validation_the_report_says_why_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("data.val_size=0", "trainer.max_epochs=1", *QUICK, f"hydra.run.dir={tmp_path / 'run'}")
    told = str(call(monkeypatch, "task=report", f"sweep_dir={tmp_path / 'run'}"))
    assert "a run that completed its training with scores of training and validation; got" in told
