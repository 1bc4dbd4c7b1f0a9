"""The table of predictions on the terminal: what matters is whole, whatever the width."""

import polars as pl
import pytest
from rich.console import Console

from gradexp.app.prediction_table import print_predictions

FILE = "a_folder_with_a_long_name/and_a_picture_with_a_name_that_is_longer_than_a_terminal.png"


def printed(capsys: pytest.CaptureFixture[str], frame: pl.DataFrame, classes: int = 0, width: int = 80) -> list[str]:
    print_predictions(Console(width=width), frame, classes)
    return capsys.readouterr().out.splitlines()


def predicted(rows: int = 12, **own: list[str]) -> pl.DataFrame:
    values: dict[str, list[object]] = {name: [*column] * rows for name, column in own.items()}
    names = {"true_class": "versicolor", "class": "setosa"}
    numbers = {"probability": 0.8123456, "probability_setosa": 0.8123456, "probability_versicolor": 0.1876544}
    return pl.DataFrame(values | {name: [value] * rows for name, value in {**names, **numbers}.items()})


def test_predictions_and_true_classes_are_whole_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, predicted(file=[FILE]), classes=2, width=30)
    text = "\n".join(lines)
    assert "…" not in text
    for word in ("true_class", "versicolor", "class", "setosa", "probability", "0.8123"):
        assert word in text
    assert FILE not in text, "it does not fit beside them"
    assert lines[-2:] == [
        "the first 10 of 12 rows",
        "columns in the file alone: file, probability_setosa, probability_versicolor",
    ]


def test_all_columns_are_shown_where_they_fit(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, predicted(rows=2, file=["a.png"]), classes=2, width=120)
    assert [name in lines[1] for name in ("file", "probability_setosa", "probability_versicolor")] == [True] * 3
    assert "alone" not in lines[-1]


def test_the_first_own_columns_that_fit_are_shown_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    own = {"id": ["7"], "note": ["x" * 200], "city": ["Bonn"]}
    lines = printed(capsys, predicted(rows=1, **own), classes=2, width=70)
    header = lines[1]
    assert header.index("id") < header.index("city") < header.index("true_class") < header.index("probability")
    assert "note" not in header
    assert lines[-1].startswith("columns in the file alone: note, probability_setosa")


def test_numbers_are_shown_with_their_true_values(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"x": ["y" * 90], "true": [151.0], "prediction": [150.123456]})
    lines = printed(capsys, frame, width=40)
    assert "true" in lines[1]
    assert "151" in lines[3]
    assert "150.1" in lines[3]


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in "\n".join(printed(capsys, pl.DataFrame({"a\x1b[2J": ["\x1b]0;title\x07"]})))
