"""The user's table as a data module: parts, preprocessing, state, new files."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from gradexp.data import Table
from tests.data.tables.files import ROWS, houses, write, write_text


def set_up(target: str = "sold", path: str | None = None, **options: Any) -> Table:
    table = Table(path or str(write(houses())), target, **options)
    table.setup("fit")
    table.setup("test")
    return table


def whole(table: Table, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    source = table._parts[part]
    return source[torch.arange(len(source))]


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """The state after a checkpoint's round trip."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    loaded: dict[str, Any] = torch.load(buffer, weights_only=True)
    return loaded


def test_parts_have_the_expected_sizes_and_types() -> None:
    table = set_up()
    assert table.sizes() == {"train": 128, "val": 32, "test": 40}
    assert table.classes == ["no", "yes"]
    inputs, targets = whole(table, "train")
    # age, income and its indicator, three cities and their indicator, built, garden, price
    assert inputs.shape == (128, 10)
    assert table.num_features == 10
    assert (inputs.dtype, targets.dtype) == (torch.float32, torch.int64)
    assert targets.shape == (128,)


def test_features_are_standardised_by_the_training_rows_only() -> None:
    table = set_up()
    inputs, _ = whole(table, "train")
    assert inputs[:, 0].mean().item() == pytest.approx(0, abs=1e-6)
    assert inputs[:, 0].std(correction=0).item() == pytest.approx(1, abs=1e-6)
    assert abs(whole(table, "test")[0][:, 0].mean().item()) > 1e-3


def test_every_row_is_in_one_part_and_test_rows_do_not_depend_on_the_seed() -> None:
    frame = pl.DataFrame({"x": np.random.default_rng(0).permutation(50) * 1.0, "y": [0, 1] * 25})
    path = str(write(frame))
    parts = []
    for seed in (0, 1):
        table = set_up("y", path, seed=seed)
        column = table.preprocessing_state()["columns"][0]
        values = {part: whole(table, part)[0][:, 0] * column["std"] + column["mean"] for part in table.sizes()}
        rows = torch.cat(list(values.values())).round().sort().values
        assert torch.equal(rows, torch.arange(50.0))
        parts.append({part: sorted(value.round().tolist()) for part, value in values.items()})
    assert parts[0]["test"] == parts[1]["test"]
    assert parts[0]["val"] != parts[1]["val"]


def test_regression_targets_are_standardised_and_in_target_units_inverts_it() -> None:
    table = set_up("price")
    inputs, targets = whole(table, "train")
    assert table.classes == []
    assert table.num_classes == 0
    assert (targets.shape, targets.dtype) == ((128, 1), torch.float32)
    assert targets.mean().item() == pytest.approx(0, abs=1e-6)
    assert targets.std(correction=0).item() == pytest.approx(1, abs=1e-6)
    prices = table.in_target_units(whole(table, "test")[1])
    assert all(np.isclose(houses()["price"], price, atol=1e-3).any() for price in prices.flatten().tolist())
    assert table.target_std > 0
    assert len(inputs) == 128


def test_number_of_features_is_known_before_setup_and_the_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Any] = []
    read_csv = pl.read_csv

    def count(path: Path, **options: Any) -> pl.DataFrame:
        reads.append(path)
        return read_csv(path, **options)

    monkeypatch.setattr(pl, "read_csv", count)
    table = Table(str(write(houses())), "sold")
    assert reads == []
    assert (table.num_features, table.num_classes) == (10, 2)
    table.setup("fit")
    table.setup("test")
    assert len(reads) == 1


@pytest.mark.parametrize("num_workers", [0, 2])
def test_streamed_batches_equal_those_in_memory(num_workers: int) -> None:
    loaders: list[Any] = [
        set_up(memory_limit=limit, batch_size=50, num_workers=num_workers).train_dataloader() for limit in (0.0, 1.0)
    ]
    for streamed, in_memory in zip(*loaders, strict=True):
        assert torch.equal(streamed[0], in_memory[0])
        assert torch.equal(streamed[1], in_memory[1])


def test_batch_size_above_the_training_part_means_full_batches() -> None:
    table = set_up(batch_size=10**6)
    assert len(table.train_dataloader()) == 1
    assert "data.batch_size 1000000 is more than 128 training samples: full batches" in table.notes


def test_notes_list_what_was_done() -> None:
    assert set_up(batch_size=10).notes == [
        "target sold: classification (2 different texts)",
        "left out, a different text in every row: id",
        "left out, one value only: country",
        "missing numbers are replaced by the training mean, and a feature indicates them: income",
        "missing categories become a category of their own: city",
        "dates are converted to days since 1970: built",
    ]


def test_rows_without_a_target_are_left_out() -> None:
    text = "x,y\n" + "".join(f"{n % 7},{['0', '1', 'NaN', ''][n % 4]}\n" for n in range(40))
    table = set_up("y", write_text(text))
    assert sum(table.sizes().values()) == 20
    assert "left out, without a target: 20 of the 40 rows of table.csv" in table.notes


def test_test_rows_of_a_class_without_training_rows_are_left_out() -> None:
    frame = pl.DataFrame({"x": list(range(20))[::-1], "y": ["a", "b"] * 10})
    write(pl.DataFrame({"y": ["a", "c", "b"], "x": [1, 2, 3]}), "more.csv")
    table = set_up("y", str(write(frame)), test_path="more.csv")
    assert table.sizes() == {"train": 16, "val": 4, "test": 2}
    assert "left out, classes without training rows: 1 test rows (c)" in table.notes


def test_test_size_zero_skips_the_test() -> None:
    table = set_up(test_size=0)
    assert table.sizes()["test"] == 0
    assert table.test_dataloader() == []


def test_state_dict_suffices_to_preprocess_a_new_file() -> None:
    table = set_up("price")
    fresh = Table("houses.csv", "price")
    fresh.load_state_dict(plain(table.state_dict()))
    expected, _ = Table.preprocess(table, table.load("test"))[torch.arange(40)]
    Path("houses.csv").unlink()

    # Without the target, in another order, with one more column.
    columns = ["note", "garden", "built", "city", "income", "sold", "house age"]
    frame = houses().with_columns(note=pl.lit("x"))
    samples = fresh.read_samples(write(frame.select(columns), "new.csv"))
    assert samples.frame.columns == columns
    assert samples.inputs.shape == (ROWS, fresh.num_features)
    assert samples.notes == ("columns that the model does not use: note",)
    for row in expected:
        assert (samples.inputs - row).abs().amax(1).min() < 1e-5


def test_frame_of_a_new_file_has_its_original_text() -> None:
    table = set_up("y", write_text("code,x,y\n" + "".join(f"0{n % 3}a,{n % 5},{n % 2}\n" for n in range(30))))
    samples = table.read_samples(Path(write_text("x,code\n 1.50 ,00a\nNA,99z\nlots,\n", "new.csv")))
    assert samples.frame.rows() == [(" 1.50 ", "00a"), ("NA", "99z"), ("lots", None)]
    assert samples.notes == (
        "column code: values that the training rows do not have belong to no category: 1 ('99z')",
        "column x: values that are not numbers count as missing: 1 ('lots')",
        "column x: missing values, which the training rows do not have, are replaced by the training mean: 2",
    )
    assert samples.inputs[1:, -1].tolist() == [0, 0]


def test_csv_and_parquet_give_the_same_features() -> None:
    csv, parquet = set_up(), set_up(path=str(write(houses(), "houses.parquet")))
    for part in ("train", "val", "test"):
        torch.testing.assert_close(whole(csv, part), whole(parquet, part))
    torch.testing.assert_close(
        csv.read_samples(Path("houses.csv")).inputs, csv.read_samples(Path("houses.parquet")).inputs
    )


def test_file_with_semicolons_and_decimal_commas_gives_the_same_features() -> None:
    text = houses().write_csv(separator=";").replace(".", ",")
    torch.testing.assert_close(whole(set_up(), "train"), whole(set_up(path=write_text(text)), "train"))
    german = set_up(path="table.csv")
    samples = german.read_samples(Path("table.csv"))
    assert samples.notes == ("columns that the model does not use: id, country",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": None}, "path must be the file or folder of your data: data.path=PATH; got null"),
        ({"target": None}, "target must be the name of the column to predict: data.target=COLUMN; got null"),
        ({"target": "house_age"}, "has no 'house_age'. Did you mean house age? It has id, house age,"),
        ({"target": "house_age"}, "Type a name with spaces as \"data.target='house age'\""),
        ({"kind": "classes"}, "kind must be one of regression, classification, or null; got 'classes'"),
        ({"separator": "::"}, "separator must be one of comma, semicolon, tab, pipe, space, or a single character"),
        ({"drop": ["idd"]}, "data.drop must name columns of the file; houses.csv has no 'idd'. Did you mean id?"),
        ({"drop": "id"}, "drop must be a list of column names, such as [id,name]; got 'id'"),
        ({"drop": ["sold"]}, "data.drop must not have the target, sold"),
        ({"test_size": 198}, "data.test_size must leave 4 rows to train and validate on: at most 196 of the 200"),
        ({"val_size": 160}, "data.val_size must leave samples to train on: below 160"),
        ({"test_path": "none.csv"}, "data.test_path must be a CSV or Parquet file; there is no none.csv"),
        ({"target": "country"}, "at least two classes in the training rows; country has 'DE' only"),
    ],
)
def test_invalid_arguments_raise_with_their_name(options: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"path": str(write(houses())), "target": "sold", **options}
    with pytest.raises(ValueError, match="must") as error:
        Table(**given).setup("fit")
    assert words in str(error.value)


def test_too_few_rows_raise() -> None:
    with pytest.raises(ValueError, match=r"at least 5 rows with a target .* table\.csv has 1\."):
        set_up("y", write_text("x,y\n1,0\n"))


def test_file_without_usable_columns_raises() -> None:
    with pytest.raises(ValueError, match=r"a column to learn from .* has none: it has only y"):
        set_up("y", write_text("y\n" + "0\n1\n" * 9))
    with pytest.raises(ValueError, match=r"has none: left out, one value only: x"):
        set_up("y", write_text("x,y\n" + "5,0\n5,1\n" * 9))


def test_new_file_without_a_needed_column_raises() -> None:
    table = set_up()
    new = write(houses().drop("city").rename({"income": "Income"}), "new.csv")
    with pytest.raises(ValueError, match=r"^input must have the columns .* has no 'income'\. Did you mean Income\?"):
        table.read_samples(new)


def test_resuming_with_other_columns_raises() -> None:
    state = set_up().state_dict()
    other = set_up(path=str(write(houses().drop("garden"), "other.csv")))
    with pytest.raises(ValueError, match=r"data\.path must hold the columns and classes that the checkpoint"):
        other.load_state_dict(state)
