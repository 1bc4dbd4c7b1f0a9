"""The summary of a run says which epoch its numbers are of, and in which units."""

import io

from rich.console import Console

from gradexp.app.summary import print_job, print_summary

METRICS = {"status": "completed", "data": "Diabetes", "epochs": 20, "steps": 100, "best/epoch": 7, "target_std": 77.0}
SCORES = {"train/mse": 0.3, "val/mse": 0.6, "best/train/mse": 0.4, "best/val/mse": 0.5, "test/mse": 0.55}


def summary(**changes: object) -> str:
    written = io.StringIO()
    print_summary(Console(file=written, width=120), METRICS | SCORES | changes, "outputs/run", [])
    return written.getvalue()


def plain(text: str) -> str:
    """The words, whatever the columns of the table."""
    return " ".join(text.split())


def test_each_line_names_its_epoch() -> None:
    lines = [line.split("  ")[0] for line in summary().splitlines()]
    assert lines[-7:-1] == [
        "train over epoch 20", "val, epoch 20", "train, epoch 7", "val, epoch 7", "test, epoch 7", "units",
    ]  # fmt: skip
    lines = [line.split("  ")[0] for line in summary(**{"best/epoch": 20}).splitlines()]
    assert lines[-6:-1] == ["train over epoch 20", "train, epoch 20", "val, epoch 20", "test, epoch 20", "units"]


def test_the_row_of_units_explains_those_of_standardised_targets() -> None:
    text = plain(summary(**{"test/rmse": 0.55**0.5 * 77}))
    assert "mse 0.55 [std^2] rmse 57.1 [target]" in text
    assert "units [target] the targets' own, [std] their standard deviation, 77; the loss is of standardised" in text
    assert "units" not in summary(target_std=1.0)
    assert "mse 0.55 [pr\\x1bice^2]" in plain(summary(target_std=1.0, target_name="pr\x1bice"))


def test_one_of_a_kind_is_singular() -> None:
    assert "trained 20 epochs, 100 steps seconds" in plain(summary())
    assert "trained 1 epoch, 1 step seconds" in plain(summary(epochs=1, steps=1))


def test_a_fraction_of_a_second_is_no_zero() -> None:
    assert "seconds fit 6.5, test 0.03" in plain(summary(**{"seconds/fit": 6.49, "seconds/test": 0.0312}))


def test_the_epoch_and_the_score_of_the_tested_weights_are_named() -> None:
    kept = {"monitor": "val/mse"}
    assert "tested weights epoch 7, val/mse 0.5 [std^2]" in plain(summary(**kept))
    untested = {name: value for name, value in (METRICS | SCORES | kept).items() if not name.startswith("test/")}
    written = io.StringIO()
    print_summary(Console(file=written, width=120), untested, "outputs/run", [])
    assert "best weights epoch 7, val/mse 0.5 [std^2]" in plain(written.getvalue())
    of_task_test = {"status": "completed", "data": "Digits", "test/accuracy": 0.9, "monitor": "val/accuracy"}
    written = io.StringIO()
    weights = {"weights/epoch": 3, "weights/val/accuracy": 0.95}
    print_summary(Console(file=written, width=120), of_task_test | weights, "outputs/run", [])
    assert "tested weights epoch 3, val/accuracy 95.00%" in plain(written.getvalue())
    assert written.getvalue().splitlines()[-1] == "folder: outputs/run"


def test_square_brackets_in_names_are_not_markup() -> None:
    """Neither swallowed, nor an error where one closes nothing."""
    names = {"data": "[red]My[/] data", "test/[bold]f1[/]": 0.5, "val/[/nothing]": 0.25, "reason": "[/x]"}
    text = summary(**names)
    assert "[red]My[/] data" in text
    assert "[bold]f1[/] 0.5" in text
    assert "[/nothing] 0.25" in text
    written = io.StringIO()
    print_job(Console(file=written, width=120), "[/a] x=[b]", METRICS | {"monitor": "val/[c]"}, "outputs/[d]")
    assert "[/a] x=[b]" in written.getvalue()
    assert "outputs/[d]" in written.getvalue()


def test_an_accuracy_of_the_test_has_wilsons_interval() -> None:
    text = summary(**{"test/accuracy": 0.9, "samples/test": 100})
    assert "test, epoch 7" in text
    assert "accuracy 82.56% to 94.48% on other samples (95 %)" in text  # Wilson 1927, 90 of 100
    assert "other samples" not in summary()
    assert "other samples" not in summary(**{"test/accuracy": 0.9})
