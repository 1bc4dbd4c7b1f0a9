"""Predictions beside the user's own columns: none is overwritten, and no text is taken for markup."""

from pathlib import Path

import polars as pl
import pytest
import torch
from rich.console import Console

from gradexp import run
from gradexp.app.composition import compose
from gradexp.app.prediction_table import print_predictions
from gradexp.app.tasks.prediction_columns import predicted_columns, with_numbers
from gradexp.data import Blobs, Digits, LinearData
from tests.data.tables.files import houses, write


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
    columns = predicted_columns(Digits(), torch.eye(10)[:2], frame.columns)
    assert [column.name for column in columns[:2]] == names
    assert [column.name for column in columns[2:]] == [f"probability_{digit}" for digit in range(10)]
    written = frame.with_columns(columns)
    assert written.select(frame.columns).equals(frame)
    assert written.width == frame.width + 12
    assert columns[0].to_list() == ["0", "1"]


def test_numbers_do_not_overwrite_a_column_either() -> None:
    data = LinearData()
    data.setup("fit")
    taken = ["prediction", "predicted_prediction"]
    assert [column.name for column in predicted_columns(data, torch.zeros(2, 1), taken)] == [
        "predicted_predicted_prediction"
    ]


def test_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["[/b]", "[red]", "[", "a[1]\\", ":smile:", "[link=x]y"]
    print_predictions(Console(), pl.DataFrame({"y[/]": texts, "[bold]": texts}))
    printed = capsys.readouterr().out
    for text in [*texts, "y[/]", "[bold]"]:
        assert printed.count(text) >= (2 if text in texts else 1), text


def test_every_class_has_its_probability_and_the_predicted_one_is_the_largest() -> None:
    outputs = torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])
    data = Blobs(num_classes=3)
    frame = pl.DataFrame(predicted_columns(data, outputs, []))
    assert frame.columns == ["class", "probability", "probability_0", "probability_1", "probability_2"]
    assert frame["class"].to_list() == ["2", "0"]
    assert frame.write_csv().splitlines()[1] == "2,0.7,0.1,0.2,0.7"


def test_outputs_that_are_no_probabilities_are_scores() -> None:
    frame = pl.DataFrame(predicted_columns(Blobs(), torch.tensor([[3.0, -1.0]]), []))
    assert frame.columns == ["class", "score", "score_0", "score_1"]
    with pytest.raises(ValueError, match=r"^model must give a number for each of the 2 classes; got \[1, 3\]"):
        predicted_columns(Blobs(), torch.ones(1, 3), [])


def test_the_truth_of_a_file_stands_beside_its_predictions_also_as_parquet(own_folder: Path) -> None:
    frame = houses(60)
    write(frame)
    quick = ("model=linear_regression", "trainer.max_epochs=1", "figures=false", "test=false", "hydra.run.dir=run")
    run("data=table", "data.path=houses.csv", "data.target=price", *quick)
    new = houses(7, seed=1)
    write(new.with_columns(price=pl.when(pl.int_range(7) == 2).then(None).otherwise("price")), "new.csv")
    result = run(
        "task=predict", "ckpt_path=run/checkpoints/best.ckpt", "input=new.csv", "predictions_format=parquet",
        "hydra.run.dir=out",
    )  # fmt: skip
    assert not (own_folder / "out" / "predictions.csv").exists()
    written = pl.read_parquet("out/predictions.parquet")
    assert written.columns == [*new.columns, "true", "prediction"]
    numbers = [column.name for column in new if column.dtype.is_numeric()]
    assert numbers
    assert [name for name in new.columns if written[name].dtype.is_numeric()] == numbers, "the text of a CSV is parsed"
    assert written["true"].to_list() == [None if row == 2 else price for row, price in enumerate(new["price"])]
    assert "predictions are of price, in its own units" in result.notes
    assert "7 predictions in predictions.parquet" in result.notes


def test_text_is_a_number_where_every_value_is_one_and_no_digit_is_lost() -> None:
    frame = pl.DataFrame({
        "whole": ["1", " -20", "300"], "real": ["1", "2.5", "1e-3"], "missing": ["1", "", "NA"],
        "zip": ["01234", "20095", "80331"], "long": ["1", "2", "123456789012345678901"], "none": ["", "NA", None],
        "mixed": ["1", "two", "3"], "class": ["a", "b", "c"], "probability": [0.5, 0.25, 1.0],
    })  # fmt: skip
    found = with_numbers(frame)
    assert found.columns == frame.columns
    assert found["whole"].to_list() == [1, -20, 300]
    assert found["real"].to_list() == [1.0, 2.5, 0.001]
    assert found["missing"].to_list() == [1, None, None]
    rest = frame.columns[3:]
    assert found.select(rest).equals(frame.select(rest), null_equal=True)


def test_the_format_belongs_to_predictions() -> None:
    with pytest.raises(ValueError, match=r"^predictions_format must be one of csv, parquet; got 'xlsx'"):
        compose("predictions_format=xlsx")
    with pytest.raises(ValueError, match="predictions_format has no effect with task=train, only with task=predict"):
        compose("predictions_format=parquet")
