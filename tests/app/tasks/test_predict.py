"""Predictions beside the user's own columns: none is overwritten, and no text is taken for markup."""

import polars as pl
import pytest
import torch
from rich.console import Console

from gradexp.app.tasks.predict import _columns, print_predictions
from gradexp.data import Digits, LinearData


@pytest.mark.parametrize(
    ("taken", "names"),
    [
        ([], ["class", "probability"]),
        (["class"], ["predicted_class", "probability"]),
        (["predicted_class"], ["class", "probability"]),
        (["class", "predicted_class"], ["predicted_predicted_class", "probability"]),
        (
            ["probability", "predicted_probability", "predicted_predicted_probability"],
            ["class", "predicted_predicted_predicted_probability"],
        ),
    ],
)
def test_no_column_of_the_user_is_overwritten(taken: list[str], names: list[str]) -> None:
    frame = pl.DataFrame({name: ["mine", "mine"] for name in taken} or {"x": ["mine", "mine"]})
    columns = _columns(Digits(), torch.eye(10)[:2], frame.columns)
    assert [column.name for column in columns] == names
    written = frame.with_columns(columns)
    assert written.select(frame.columns).equals(frame)
    assert written.width == frame.width + 2
    assert columns[0].to_list() == ["0", "1"]


def test_numbers_do_not_overwrite_a_column_either() -> None:
    data = LinearData()
    data.setup("fit")
    taken = ["prediction", "predicted_prediction"]
    assert [column.name for column in _columns(data, torch.zeros(2, 1), taken)] == ["predicted_predicted_prediction"]


def test_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["[/b]", "[red]", "[", "a[1]\\", ":smile:", "[link=x]y"]
    print_predictions(Console(), pl.DataFrame({"y[/]": texts, "[bold]": texts}))
    printed = capsys.readouterr().out
    for text in [*texts, "y[/]", "[bold]"]:
        assert printed.count(text) >= (2 if text in texts else 1), text
