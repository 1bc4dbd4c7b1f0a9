"""Each diagnosis on artificial curves and on runs, and the report on a run's folder."""

from pathlib import Path
from typing import Any

import pytest

from gradexp import compose, run
from gradexp.app.assembly import build_data, build_model
from gradexp.engine.checkpoint_file import read_checkpoint
from gradexp.reports.diagnosis import diagnose
from tests.command_line import call

pytestmark = pytest.mark.slow

STEPS = list(range(1, 21))
FALLING = [2.0 / step for step in STEPS]
FLAT = [0.1] * 20
U_SHAPED = [1.0 - 0.08 * step if step <= 10 else 0.2 + 0.02 * (step - 10) for step in STEPS]
GOOD = {"train/accuracy": 0.99, "val/accuracy": 0.985, "samples/val": 1000, "classes": 10}
QUICK = ("figures=false", "test=false")


def diagnosis(metrics: dict[str, Any], train: list[float], val: list[float]) -> tuple[str, str]:
    whole = {"status": "completed", "train/loss": train[-1], "val/loss": val[-1], **metrics}
    result = diagnose(whole, {"train/loss": (STEPS, train), "val/loss": (STEPS, val)}, {"regularizer.l2": 0.0})
    assert result is not None
    return result.kind, str(result)


def test_a_validation_loss_that_rises_while_training_falls_is_over_fitting() -> None:
    kind, words = diagnosis(GOOD, FALLING, U_SHAPED)
    assert kind == "over-fitting"
    # The last tenth's mean is 0.39, the minimum 0.2.
    assert "val/loss ends 95% above its minimum of 0.2 at step 10 of 20 while train/loss fell to 0.1" in words
    assert "early_stopping.patience=5" in words


def test_scatter_or_a_small_rise_or_a_rising_training_loss_is_not_over_fitting() -> None:
    scattered = [0.2 + (0.05 if step % 2 else 0.0) for step in STEPS]
    assert diagnosis(GOOD, FALLING, scattered)[0] == "neither"
    slight = [0.2 if step <= 10 else 0.205 for step in STEPS]
    assert diagnosis(GOOD, FALLING, slight)[0] == "neither"
    assert diagnosis(GOOD, U_SHAPED, U_SHAPED)[0] == "neither"


@pytest.mark.parametrize(
    ("val", "samples", "kind"),
    [(0.90, 1000, "over-fitting"), (0.975, 1000, "neither"), (0.93, 30, "neither"), (0.965, 100_000, "over-fitting")],
)
def test_a_gap_above_two_points_and_three_standard_errors_is_over_fitting(val: float, samples: int, kind: str) -> None:
    assert diagnosis(GOOD | {"val/accuracy": val, "samples/val": samples}, FLAT, FLAT)[0] == kind


@pytest.mark.parametrize(
    ("train", "val", "samples", "kind"),
    [(0.95, 0.94, 100, "neither"), (0.95, 0.6, 1000, "over-fitting"), (0.5, 0.4, 71, "under-fitting")],
)
def test_r2_is_the_score_of_a_regression(train: float, val: float, samples: int, kind: str) -> None:
    assert diagnosis({"train/r2": train, "val/r2": val, "samples/val": samples}, FLAT, FLAT)[0] == kind


def test_a_high_error_or_a_falling_loss_is_under_fitting() -> None:
    # Random guessing of ten classes is 90 % wrong; 45 % is half of that.
    kind, words = diagnosis(GOOD | {"train/accuracy": 0.55, "val/accuracy": 0.54}, FLAT, FLAT)
    assert kind == "under-fitting"
    assert "the training error is 50% of that of random guessing" in words
    assert "or noise" in words
    kind, words = diagnosis(GOOD | {"train/accuracy": 0.9, "val/accuracy": 0.9}, FALLING, FALLING)
    assert kind == "under-fitting"
    # The means of 2/17, 2/18 and of 2/19, 2/20.
    assert "still falling, by 10%" in words


@pytest.mark.parametrize("lacking", ["val/loss", "train/loss", "val/accuracy", "status"])
def test_missing_metrics_give_no_diagnosis(lacking: str) -> None:
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
def test_a_run_and_the_report_on_its_folder_give_the_same_diagnosis(
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
    assert capsys.readouterr().out.splitlines()[0] in result.notes


def test_the_report_on_a_run_without_validation_says_why_there_is_no_diagnosis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("data.val_size=0", "trainer.max_epochs=1", *QUICK, f"hydra.run.dir={tmp_path / 'run'}")
    capsys.readouterr()
    assert call(monkeypatch, "task=report", f"sweep_dir={tmp_path / 'run'}") is None
    assert capsys.readouterr().out.startswith("no diagnosis: it needs scores of training and validation")


def test_a_class_that_is_never_predicted_is_named() -> None:
    kind, words = diagnosis(GOOD | {"never_predicted": "3, 8"}, FALLING, U_SHAPED)
    assert kind == "dead class"
    assert words.startswith("dead class: no training sample is predicted as 3, 8; try ")


@pytest.mark.parametrize("validation", [["data.val_size=100"], ["data.val_size=0"]])
def test_a_run_finds_its_dead_class_with_validation_or_without(validation: list[str]) -> None:
    # The ReLU behind the outputs gives no gradient where they are negative, as this initialization makes some of them.
    dying = [
        "model.output_activation=relu",
        "model.hidden=[]",
        "optimizer=sgd",
        "optimizer.lr=0.3",
        "seed=1",
        *validation,
    ]
    result = run(*dying, "trainer.max_epochs=2", *QUICK)
    assert result.metrics["diagnosis"] == "dead class"
    cfg = compose(*dying)
    data = build_data(cfg)
    model = build_model(cfg, data)
    model.load_state_dict(read_checkpoint(f"{result.folder}/checkpoints/best.ckpt")["state_dict"])
    data.setup("fit")
    predicted = set(model(data.sample(2000)[0]).argmax(dim=1).tolist())
    assert result.metrics["never_predicted"] == ", ".join(str(digit) for digit in range(10) if digit not in predicted)


def test_the_diagnosis_does_not_depend_on_the_log_interval(tmp_path: Path) -> None:
    notes = []
    for interval in (1, 7, 1000):
        settings = ("model.hidden=[16]", "trainer.max_epochs=3", f"trainer.log_every_n_steps={interval}", *QUICK)
        notes.append([note for note in run(*settings).notes if "fitting" in note])
    assert notes[0] == notes[1] == notes[2]
    assert "under-fitting: train/loss was still falling" in notes[0][0]


@pytest.mark.parametrize(("epochs", "share"), [(2, 1 - 0.5**0.2), (5, 1 - 0.5**0.5), (10, 0.5), (15, 1 - 0.5**1.5)])
def test_a_fit_of_few_epochs_is_still_falling_at_the_rate_of_the_last(epochs: int, share: float) -> None:
    losses = [0.5**epoch for epoch in range(epochs)]
    metrics = GOOD | {"status": "completed", "train/loss": losses[-1], "val/loss": losses[-1], "train/accuracy": 0.9}
    found = diagnose(metrics, {"train/loss_epoch": (range(epochs), losses), "train/loss": (STEPS, FLAT)}, {})
    assert found is not None
    assert found.kind == "under-fitting"
    assert f"by {share:.0%} in a tenth of the fit" in found.numbers


@pytest.mark.parametrize(("samples", "right"), [(1, 0), (2, 0), (9, 4), (10, 9), (24, 22)])
def test_a_few_wrong_validation_samples_do_not_convict(samples: int, right: int) -> None:
    metrics = {"train/accuracy": 1.0, "val/accuracy": right / samples, "samples/val": samples, "classes": 3}
    kind, words = diagnosis(metrics, FALLING, U_SHAPED)
    assert kind == "neither"
    number = {1: "1 sample:", 2: "2 samples:", 9: "9 samples:"}.get(samples)
    assert ("too few to tell over-fitting" in words) == (number is not None)
    assert number is None or number in words


@pytest.mark.parametrize(
    ("r2", "samples", "kind"), [(-3.0, 9, "neither"), (0.4, 10, "neither"), (-3.0, 10, "over-fitting")]
)
def test_an_r2_of_a_few_validation_samples_does_not_convict(r2: float, samples: int, kind: str) -> None:
    assert diagnosis({"train/r2": 0.99, "val/r2": r2, "samples/val": samples}, FLAT, FLAT)[0] == kind


def test_a_rise_in_many_wrong_samples_is_over_fitting() -> None:
    wrong = {"train/accuracy": 0.99, "val/accuracy": 0.98, "classes": 10}
    assert diagnosis(wrong | {"samples/val": 499}, FALLING, U_SHAPED)[0] == "neither"
    assert diagnosis(wrong | {"samples/val": 501}, FALLING, U_SHAPED)[0] == "over-fitting"
