"""Features of any rows of a table, computed when they are read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradexp.data.run_samples import GOLDEN, Hashes, mix64
from gradexp.data.sources import Batch
from gradexp.data.tables.table_columns import Column, Numbers, clean_text, count_and_values, to_days, to_numbers


class Encoded:
    """The fitted columns of a table, prepared for the computation of features of any rows.

    `decimal_comma` tells whether numbers in its text are written as 1,5.

    Attributes:
        notes: How the table differs from the training rows.
    """

    BLOCK = 2**14  # rows whose features fit in the processor's cache while they are computed column by column

    def __init__(self, columns: Sequence[Column], frame: pl.DataFrame, decimal_comma: bool = False) -> None:
        self.columns = columns
        self.notes: list[str] = []
        self._arrays: list[NDArray[Any]] = [
            self._codes(column, frame[column.name])
            if column.kind == "category"
            else self._numbers(column, frame[column.name], decimal_comma)
            for column in columns
        ]
        # Saves the search for missing values in every batch of a column that has none.
        self._has_missing = [array.dtype.kind == "f" and bool(np.isnan(array.sum())) for array in self._arrays]

    def features(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features [rows, features] of `rows`."""
        out = np.zeros((len(rows), sum(column.width for column in self.columns)), dtype=np.float32)
        for start in range(0, len(rows), self.BLOCK):
            self._fill(out[start : start + self.BLOCK], rows[start : start + self.BLOCK])
        return out

    def raw(self, rows: NDArray[np.int64]) -> Numbers:
        """The rows as a TableEncoder takes them [rows, columns]."""
        raw = np.empty((len(rows), len(self.columns)))
        for place, (column, array) in enumerate(zip(self.columns, self._arrays, strict=True)):
            raw[:, place] = array[rows]
            if column.kind == "category":
                raw[raw[:, place] == len(column.categories), place] = np.nan
        return raw

    def hashes(self, targets: Tensor) -> Hashes:
        """A hash of what the model reads of each row, its features and its target [rows].

        It depends on values, not on how a file writes or stores them: 1, 1.0 and 1.00 are equal.
        """
        hashes = np.zeros(len(targets), dtype=np.uint64)
        for array in (*self._arrays, targets.numpy()):
            if array.dtype.kind == "f":
                array = np.where(np.isnan(array), np.nan, array + 0.0)  # one pattern of bits for NaN, one for 0 and -0
            hashes = mix64((hashes + GOLDEN) ^ array.view(np.uint64))
        return hashes

    def _fill(self, out: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        first = 0
        for column, array, has_missing in zip(self.columns, self._arrays, self._has_missing, strict=True):
            values = array[rows]
            if column.kind == "category":
                known = values >= 0
                out[np.flatnonzero(known), first + values[known]] = 1
            else:
                # In float64: a date in seconds has more digits than float32.
                values -= column.mean
                values /= column.std
                if has_missing:
                    is_missing = np.isnan(values)
                    values[is_missing] = 0
                    if column.missing:
                        out[:, first + 1] = is_missing
                out[:, first] = values
            first += column.width

    def _numbers(self, column: Column, series: pl.Series, decimal_comma: bool) -> Numbers:
        if series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        numbers = to_days(series) if column.kind == "days" else to_numbers(series, decimal_comma)
        if series.dtype == pl.String:
            wrong = series.filter(numbers.is_null() & clean_text(series).is_not_null())
            if len(wrong):
                what = "dates" if column.kind == "days" else "numbers"
                self.notes.append(
                    f"column {column.name}: values that are not {what} count as missing: {count_and_values(wrong)}"
                )
        if numbers.null_count() and not column.missing:
            self.notes.append(
                f"column {column.name}: missing values, which the training rows do not have, are replaced by the "
                f"training mean: {numbers.null_count():,}"
            )
        array: Numbers = numbers.to_numpy()
        return array

    def _codes(self, column: Column, series: pl.Series) -> NDArray[np.int64]:
        """For each row the index of the feature that is 1; -1 for none."""
        text = clean_text(series)
        known = text.cast(pl.Enum(column.categories), strict=False)
        unknown = text.filter(known.is_null() & text.is_not_null())
        if len(unknown):
            self.notes.append(
                f"column {column.name}: values that the training rows do not have belong to no category: "
                f"{count_and_values(unknown)}"
            )
        codes = known.to_physical().cast(pl.Int64).fill_null(-1)
        if column.missing:
            codes = codes.set(text.is_null(), len(column.categories))
        array: NDArray[np.int64] = codes.to_numpy()
        return array


class EncodedTable:
    """Features [rows, features] and targets of any rows, computed when they are read."""

    def __init__(self, encoded: Encoded, targets: Tensor) -> None:
        self.encoded = encoded
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, indices: Tensor) -> Batch:
        return torch.from_numpy(self.encoded.features(indices.numpy())), self.targets[indices]
