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


def test_each_line_names_its_epoch() -> None:
    lines = [line.split("  ")[0] for line in summary().splitlines()]
    assert lines[-7:-1] == [
        "train over epoch 20", "val, epoch 20", "train, epoch 7", "val, epoch 7", "test, epoch 7", "units",
    ]  # fmt: skip
    lines = [line.split("  ")[0] for line in summary(**{"best/epoch": 20}).splitlines()]
    assert lines[-6:-1] == ["train over epoch 20", "train, epoch 20", "val, epoch 20", "test, epoch 20", "units"]


def test_units_are_named_where_they_differ() -> None:
    assert "1 for 77" in summary()
    assert "units" not in summary(target_std=1.0)


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
