"""Columns as features, compared with scikit-learn and explicit arithmetic."""

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gradexp.data.tables.table_columns import Column, Numbers, fit_columns, to_days, to_numbers
from gradexp.data.tables.table_encoded import Encoded
from tests.data.tables.files import ROWS, houses

TRAIN = np.arange(0, ROWS, 2)


def encode(frame: pl.DataFrame, rows: Any = None) -> tuple[Numbers, list[str]]:
    chosen = np.arange(len(frame)) if rows is None else rows
    columns, notes = fit_columns(frame, chosen)
    encoded = Encoded(columns, frame)
    return encoded.features(np.arange(len(frame))).astype(np.float64), notes + encoded.notes


def test_numbers_are_standardised_like_standard_scaler() -> None:
    numbers = houses().select("house age", "price")
    scaler = StandardScaler().fit(numbers.to_numpy()[TRAIN])
    assert_allclose(encode(numbers, TRAIN)[0], scaler.transform(numbers.to_numpy()), atol=1e-6)


def test_missing_numbers_become_the_training_mean_with_an_indicator() -> None:
    income = houses().select("income")
    features, notes = encode(income, TRAIN)
    values = income.to_numpy()
    imputer = SimpleImputer(add_indicator=True).fit(values[TRAIN])
    known = values[TRAIN][~np.isnan(values[TRAIN])]
    imputed = imputer.transform(values)
    assert_allclose(features[:, 0], (imputed[:, 0] - known.mean()) / known.std(), atol=1e-6)
    assert_array_equal(features[:, 1], imputed[:, 1])
    assert notes == [
        "missing numbers are replaced by the training mean, and a feature indicates them: income",
    ]


def test_categories_are_encoded_like_one_hot_encoder() -> None:
    city = houses().select("city")
    features, notes = encode(city, TRAIN)
    filled = city.fill_null("~").to_numpy()  # a name that sorts last
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(filled[TRAIN])
    assert_array_equal(features, encoder.transform(filled))
    assert notes == ["missing categories become a category of their own: city"]


def test_unknown_category_is_encoded_as_zeros() -> None:
    columns, _ = fit_columns(pl.DataFrame({"city": ["Ulm", "Bonn", "Ulm"]}), np.arange(3))
    encoded = Encoded(columns, pl.DataFrame({"city": ["Bonn", "Rome", None]}))
    assert_array_equal(encoded.features(np.arange(3)), [[1, 0], [0, 0], [0, 0]])
    assert encoded.notes == ["column city: values that the training rows do not have belong to no category: 1 ('Rome')"]


def test_large_numbers_close_together_keep_their_precision() -> None:
    seconds = 1.7e9 + np.arange(100.0)
    features, _ = encode(pl.DataFrame({"seconds": seconds}))
    assert_allclose(features[:, 0], (np.arange(100) - 49.5) / np.arange(100).std(), atol=1e-6)


def test_infinite_numbers_count_as_missing() -> None:
    features, notes = encode(pl.DataFrame({"x": [1.0, 3.0, float("inf"), float("nan"), None]}))
    assert_allclose(features, [[-1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    assert "column x: infinite values count as missing: 1" in notes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False, None], [1, 0, None]),
        (["1.5", " 2 ", "NA"], [1.5, 2, None]),
        (["true", "False", "?"], [1, 0, None]),
        ([datetime.date(1970, 1, 3), None], [2, None]),
        ([datetime.datetime(1970, 1, 2, 12)], [1.5]),
        ([datetime.timedelta(hours=36)], [1.5]),
        ([datetime.time(6)], [0.25]),
        ([1, 2**40], [1, 2**40]),
    ],
)
def test_to_numbers_converts_booleans_text_and_times(values: list[Any], expected: list[float | None]) -> None:
    assert to_numbers(pl.Series("x", values)).to_list() == expected


def test_dates_in_text_become_days() -> None:
    assert to_days(pl.Series(["1970-01-03", "", "x"])).to_list() == [2, None, None]
    assert to_days(pl.Series(["1970-01-03 12:00:00"])).to_list() == [2.5]
    assert to_days(pl.Series(["", None])).to_list() == [None, None]
    assert to_days(pl.Series(["x", "y"])).to_list() == [None, None]
    assert to_days(pl.Series(["12:00:00", "06:00:00", "soon"])).to_list() == [0.5, 0.25, None]
    assert to_days(pl.Series(["soon", "1970-01-03"])).to_list() == [None, 2]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([7] * 200, "one value only"),
        ([7.5] * 100 + [None] * 100, "one value only"),
        (["a"] * 200, "one value only"),
        ([None] * 200, "without any value"),
        (["?"] * 200, "without any value"),
        ([f"name {n}" for n in range(200)], "a different text in every row"),
        ([f"name {n % 150}" for n in range(200)], "more than 100 different texts"),
        ([[1, 2]] * 200, "no numbers, dates or text (List(Int64))"),
    ],
)
def test_useless_columns_are_left_out_with_a_note(values: list[Any], reason: str) -> None:
    features, notes = encode(pl.DataFrame({"x": list(range(200))[::-1], "odd": values}, strict=False))
    assert features.shape == (200, 1)
    assert notes == [f"left out, {reason}: odd"]


def test_text_column_of_mostly_numbers_is_numeric() -> None:
    features, notes = encode(pl.DataFrame({"x": [*map(str, range(99)), "unknown"]}))
    assert features.shape == (100, 2)
    assert notes[-1] == "column x: values that are not numbers count as missing: 1 ('unknown')"


def test_column_of_row_numbers_leads_to_a_note() -> None:
    _, notes = encode(pl.DataFrame({"number": [5, 6, 7, 8]}))
    assert notes == ["column number numbers the rows; if it is only an index, leave it out with data.drop=[number]"]


def test_features_of_any_rows_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = houses()
    columns, _ = fit_columns(frame, TRAIN)
    whole = Encoded(columns, frame).features(np.arange(ROWS))
    monkeypatch.setattr(Encoded, "BLOCK", 7)
    rows = np.random.default_rng(0).permutation(ROWS)[:50]
    assert_array_equal(Encoded(columns, frame).features(rows), whole[rows])
    assert whole.shape[1] == sum(column.width for column in columns)


def test_column_is_restored_from_its_state() -> None:
    for column in fit_columns(houses(), TRAIN)[0]:
        assert Column.from_state(column.state()) == column
