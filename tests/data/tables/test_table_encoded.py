"""Features of a table, and the columns that they are decoded to."""

from datetime import date, datetime

import numpy as np
import polars as pl

from gradexp.data.tables.table_columns import fit_columns
from gradexp.data.tables.table_encoded import Encoded, decoded


def test_decoded_features_are_the_columns_of_the_file() -> None:
    frame = pl.DataFrame(
        {
            "size": [1.5, 2.25, None, 40.0],
            "colour": ["red", "green", None, "red"],
            "plain": ["a", "b", "a", "b"],
            "day": [date(2024, 2, 29), date(1969, 12, 31), date(2024, 3, 1), date(2031, 1, 1)],
            "moment": [datetime(2024, 2, 29, hour, 30) for hour in (6, 7, 8, 23)],
        }
    )
    columns, _ = fit_columns(frame, np.arange(4))
    features = Encoded(columns, frame).features(np.arange(4))
    assert decoded(columns, features) == {
        "size": [1.5, 2.25, None, 40.0],
        "colour": ["red", "green", None, "red"],
        "plain": ["a", "b", "a", "b"],
        "day": ["2024-02-29", "1969-12-31", "2024-03-01", "2031-01-01"],
        "moment": [f"2024-02-29 {hour:02}:30" for hour in (6, 7, 8, 23)],
    }
    unknown = Encoded(columns, frame.with_columns(plain=pl.Series(["new"] * 4))).features(np.arange(4))
    assert decoded(columns, unknown)["plain"] == [None] * 4
