"""The rows of a run in a file that has changed: its test rows are found again, and training rows are never tested."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from gradexp.data import Table
from tests.data.tables.files import houses, write, write_text

NUM_TEST = 40  # of the 200 rows of `houses`


def trained(path: str = "houses.csv", target: str = "price", **options: Any) -> tuple[Table, dict[str, Any]]:
    """A table whose run has begun, and its state after a checkpoint's round trip."""
    table = Table(path, target, **options)
    table.setup("fit")
    table.setup("test")
    buffer = io.BytesIO()
    torch.save(table.state_dict(), buffer)
    buffer.seek(0)
    return table, torch.load(buffer, weights_only=True)


def restored(state: dict[str, Any], path: str = "houses.csv", target: str = "price", **options: Any) -> Table:
    table = Table(path, target, **options)
    table.load_state_dict(state)
    table.setup("test")
    return table


def part(table: Table, name: str = "test") -> torch.Tensor:
    """Features and target of each row [rows, features + 1]."""
    inputs, targets = table._parts[name][torch.arange(table.sizes()[name])]
    return torch.cat([inputs, targets.reshape(len(targets), 1).float()], 1)


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and torch.equal(first, second)


def new_houses(number: int) -> pl.DataFrame:
    return houses(number, seed=1).with_columns(id=pl.lit("new"), sold=pl.lit("no"))


@pytest.mark.parametrize("target", ["price", "sold"])
def test_an_unchanged_file_is_tested_without_a_word(target: str) -> None:
    write(houses())
    table, state = trained(target=target)
    again = restored(state, target=target)
    assert same(part(again), part(table))
    assert again.notes == []


def test_the_checkpoint_has_8_bytes_a_row() -> None:
    write(houses())
    _, state = trained()
    assert sum(tensor.nbytes for tensor in state["preprocessing"]["samples"].values()) == 8 * 200


def test_added_rows_are_counted_and_the_test_rows_stay() -> None:
    write(houses())
    table, state = trained()
    for frame in (pl.concat([houses(), new_houses(5)]), pl.concat([new_houses(5), houses()])):
        write(frame)
        again = restored(state)
        assert same(part(again), part(table))
        assert again.notes == ["houses.csv has 5 new rows: they are not tested; data.new_rows=true tests them too"]


def test_new_rows_are_tested_on_request() -> None:
    write(houses())
    table, state = trained()
    write(pl.concat([new_houses(5), houses()]))
    again = restored(state, new_rows=True)
    assert same(part(again)[:NUM_TEST], part(table))
    prices = again.in_target_units(part(again)[NUM_TEST:, -1:]).flatten()
    np.testing.assert_allclose(prices, new_houses(5)["price"], rtol=1e-5)
    assert again.notes == ["houses.csv has 5 new rows: they are tested too"]


def test_rows_in_another_order_with_other_columns_give_the_same_part() -> None:
    write(houses())
    table, state = trained()
    shuffled = houses().sample(fraction=1.0, shuffle=True, seed=3).with_columns(id=pl.lit("x"), more=pl.lit(1))
    write(shuffled.select(reversed(shuffled.columns)))
    assert same(part(restored(state)), part(table))


def test_a_file_in_another_format_has_the_same_rows() -> None:
    write(houses())
    table, state = trained()
    write(houses(), "houses.parquet")
    write(houses(), "semicolons.csv", ";")
    write_text(houses().write_csv(separator=";").replace(".", ","), "german.csv")
    for path in ("houses.parquet", "semicolons.csv", "german.csv"):
        assert same(part(restored(state, path)), part(table)), path


def test_types_that_a_new_row_changes_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    rows = [f"{n},0{n % 4},2020-01-{n % 28 + 1:02},1{n % 3}:30:00,{n % 2 == 0},{rng.integers(9)}" for n in range(60)]
    table, state = trained(write_text("\n".join(["x,code,day,time,flag,y", *rows])), "y", kind="regression")
    assert table.num_features == 5
    for row in ("1.5,z,2021-01-01T12:00:00,soon,maybe,2.5", ",,,,,1", "?,NA,NA,NA,NA,1e3"):
        for changed in ([*rows, row], [row, *rows]):
            write_text("\n".join(["x,code,day,time,flag,y", *changed]))
            again = restored(state, "table.csv", "y")
            assert same(part(again), part(table)), row
            assert "table.csv has 1 new rows: they are not tested; data.new_rows=true tests them too" in again.notes
    # As another program writes the numbers of a column that has become one of floats.
    write_text("\n".join(["x,code,day,time,flag,y", *(row.replace(",", ".0,", 1) + ".0" for row in rows)]))
    assert same(part(restored(state, "table.csv", "y")), part(table))


@pytest.mark.parametrize(
    "classes",
    [
        ("0", "1", "2"),
        ("1.5", "2.0", "2.5"),
        ("a", "b", "c"),
        ("true", "false"),
        ("True", "False"),
        ("2020-01-01", "2020-07-01"),
    ],
)
def test_classes_are_read_as_in_the_run(classes: tuple[str, ...]) -> None:
    rows = [f"{n},{classes[n % len(classes)]}" for n in range(60)]
    table, state = trained(write_text("\n".join(["x,y", *rows])), "y", kind="classification")
    assert len(part(table)) == 12
    for row in ("60,", "60,lost", "60,7.25", "60,?"):
        write_text("\n".join(["x,y", *rows, row]))
        assert same(part(restored(state, "table.csv", "y")), part(table)), row
    if classes[0] == "0":
        write_text("\n".join(["x,y", *(f"{row}.0" for row in rows)]))
        assert same(part(restored(state, "table.csv", "y")), part(table))


def test_missing_test_rows_are_said_and_a_file_without_any_is_refused() -> None:
    write(houses())
    table, state = trained()
    prices = table.in_target_units(part(table)[:, -1:]).flatten().double().numpy()
    in_test = np.isclose(houses()["price"].to_numpy()[:, None], prices, atol=1e-3).any(1)
    assert in_test.sum() == NUM_TEST
    write(houses().filter(~in_test | (np.cumsum(in_test) > 3)))
    again = restored(state)
    assert same(part(again), part(table)[3:])
    assert again.notes == ["houses.csv has 37 of the 40 test rows of the run; 3 are missing"]

    write(pl.concat([houses().filter(~in_test), new_houses(2)]))
    with pytest.raises(ValueError, match=r"^data\.path must have test rows of the run .*houses\.csv has none") as error:
        restored(state)
    assert "of the 40, 160 training rows and 2 new rows. data.new_rows=true tests the new rows." in str(error.value)
    assert restored(state, new_rows=True).sizes() == {"test": 2}

    write(houses().filter(~in_test))
    with pytest.raises(ValueError, match=r"160 training rows and 0 new rows\.$"):
        restored(state, new_rows=True)


def test_copies_of_training_rows_are_not_tested() -> None:
    write(houses())
    table, state = trained()
    write(pl.concat([houses(), houses(), new_houses(3)]))
    again = restored(state, new_rows=True)
    assert again.notes == ["houses.csv has 203 new rows, 160 of which equal training rows: the others are tested too"]
    assert same(part(again)[:NUM_TEST], part(table))
    assert again.sizes() == {"test": NUM_TEST + NUM_TEST + 3}
    # Nor where they are called test rows.
    write(houses().head(30), "train.csv")
    with pytest.raises(ValueError, match=r"^data\.test_path must have test rows .* 30 of which equal training rows\.$"):
        restored(trained(test_path=str(write(new_houses(20), "test.csv")))[1], test_path="train.csv", new_rows=True)


def test_a_test_file_of_its_own_is_recognised_too() -> None:
    write(houses())
    write(pl.concat([new_houses(25).head(20), houses().head(4)]), "test.csv")
    table, state = trained(test_path="test.csv")
    assert "4 of the 24 test rows of test.csv equal training rows" in table.notes
    Path("houses.csv").unlink()  # it is not needed
    assert same(part(restored(state, test_path="test.csv")), part(table))
    write(pl.concat([new_houses(25), houses().head(9)]).tail(-1), "test.csv")
    again = restored(state, test_path="test.csv", new_rows=True)
    assert again.sizes()["test"] == 23 + 5
    assert again.notes == [
        "test.csv has 23 of the 24 test rows of the run; 1 are missing",
        "test.csv has 10 new rows, 5 of which equal training rows: the others are tested too",
    ]


def test_a_run_without_test_rows_tests_only_new_ones() -> None:
    write(houses())
    _, state = trained(test_size=0)
    assert restored(state).sizes() == {"test": 0}
    write(pl.concat([houses(), new_houses(5)]))
    assert restored(state, new_rows=True).sizes() == {"test": 5}


def test_the_training_part_is_found_again_too() -> None:
    write(houses())
    table, state = trained()
    write(pl.concat([new_houses(5), houses()]))
    again = Table("houses.csv", "price")
    again.load_state_dict(state)
    again.setup("fit")
    for name in ("train", "val"):
        assert same(part(again, name), part(table, name))


def test_resuming_with_other_rows_raises() -> None:
    write(houses())
    _, state = trained()
    trained()[0].load_state_dict(state)
    for frame in (pl.concat([houses(), new_houses(5)]), houses().reverse(), houses().head(199)):
        write(frame)
        other, _ = trained()
        with pytest.raises(ValueError, match=r"^data\.path must hold the rows that the run was started with, in the"):
            other.load_state_dict(state)


def test_new_rows_belong_to_a_checkpoint() -> None:
    write(houses())
    with pytest.raises(ValueError, match=r"^data\.new_rows must be false where training .*; got true\."):
        Table("houses.csv", "price", new_rows=True).setup("fit")
    again = restored(trained()[1], new_rows=True)
    with pytest.raises(ValueError, match=r"^data\.new_rows must be false where training"):
        again.setup("fit")
