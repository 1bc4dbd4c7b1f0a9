"""Rows that a Python program holds are encoded as those of a file."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from gradexp.data import Table
from tests.data.tables.files import houses, write


@pytest.fixture
def table(own_folder: Path) -> Table:
    fitted = Table(str(write(houses())), "price")
    fitted.setup("fit")
    return fitted


FORMS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "CSV": lambda frame: str(write(frame, "new.csv")),
    "Parquet": lambda frame: write(frame, "new.parquet"),
    "polars": lambda frame: frame,
    "pandas": lambda frame: pytest.importorskip("pandas").DataFrame(frame.to_dict(as_series=False)),
    "rows": lambda frame: frame.to_dicts(),
    "columns": lambda frame: frame.to_dict(as_series=False),
    "arrays": lambda frame: {name: frame[name].to_numpy() for name in reversed(frame.columns)},
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_in_every_form_are_encoded_as_those_of_a_file(table: Table, form: str) -> None:
    new = houses(9, seed=3).drop("price")
    expected = table.read_samples(write(new, "expected.csv")).inputs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = table.raw_samples(FORMS[form](new))
    torch.testing.assert_close(table.preprocessor()(raw), expected)


def test_every_missing_value_of_pandas_is_one(table: Table) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "house age": pd.array([1, None], dtype="Int64"),
            "income": [1.5, np.nan],
            "city": pd.Categorical(["Ulm", None]),
            "built": pd.to_datetime(["2001-02-03", None]),
            "garden": pd.array([True, None], dtype="boolean"),
            "sold": ["yes", np.nan],
        }
    )
    with pytest.warns(UserWarning, match="are replaced by the training mean"):
        raw = table.raw_samples(frame)
    assert raw[0].isfinite().all()
    assert raw[0, 3] == (np.datetime64("2001-02-03") - np.datetime64("1970-01-01")).astype(int)
    assert raw[1].isnan()[:5].all()
    with pytest.raises(ValueError, match=r"each with a name of its own; got DataFrame .*two have one name"):
        table.raw_samples(pd.concat([frame, frame], axis=1))


def test_one_row_is_a_table_of_one_and_a_row_may_lack_a_value(table: Table) -> None:
    first, second = houses(2, seed=3).drop("price").to_dicts()
    both = table.raw_samples([first, second])
    assert torch.equal(table.raw_samples(first), both[:1])
    del second["income"]
    lacks = table.raw_samples([first, second])
    assert lacks.isnan().sum() == both.isnan().sum() + 1 - both[1, 1].isnan().int()


def test_values_that_the_training_rows_lack_are_a_warning(table: Table) -> None:
    row, other = houses(2, seed=3).to_dicts()
    with pytest.warns(UserWarning, match=r"column income: values that are not numbers count as missing: 1 \('lots'\)"):
        table.raw_samples([row | {"income": 2.5}, other | {"income": "lots"}])
    with pytest.warns(UserWarning, match=r"column city: values .* belong to no category: 1 \('Paris'\)"):
        table.raw_samples(row | {"city": "Paris"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((3, 5)), r"must be numbers of shape \[samples, 6\], .* dicts, .*; got ndarray of shape \[3, 5\]"),
        ([0.0] * 5, r"must be numbers .*; got list of shape \[5\]\."),
        ([["Bonn"] * 6], r"must be numbers .*; got list of 1 \(list\)\."),
        (None, "must be numbers .*; got NoneType None"),
        ({"income": 3}, r"must have the columns that the model needs; the dict has no 'house age'\. It has income\."),
        ({"income": [1, 2], "city": ["Ulm"]}, "must be columns of one length, .*; got dict"),
        ({name: [[1]] for name in houses(1).columns}, "must have numbers, dates and text in their columns"),
        (houses(1).head(0), "must have rows; got DataFrame"),
        ("new.csv", r"must be a CSV or Parquet file; there is no new\.csv"),
    ],
    ids=["columns", "list", "text", "None", "no column", "lengths", "nested", "empty", "no file"],
)  # fmt: skip
def test_what_is_no_row_of_the_table_is_refused(table: Table, given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^samples {words}"):
        table.raw_samples(given)
