"""Rows that a Python program holds, as a table."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from polars.exceptions import PolarsError
from torch import Tensor

from gradexp.data.given_samples import raw_numbers, received
from gradexp.data.tables.table_columns import Column
from gradexp.data.tables.table_encoded import Encoded
from gradexp.data.tables.table_file import TableFile, read_table
from gradexp.data.tables.table_preprocessor import TableEncoder
from gradexp.data.tables.table_rows import check_columns
from gradexp.files import user_path

TAKEN = (
    ", with categories and dates as numbers; or rows with the names of their columns: a DataFrame, a list of dicts, a "
    "dict, or the path of a CSV or Parquet file"
)


def raw_rows(given: Any, columns: Sequence[Column], separator: str | None) -> Tensor:
    """Rows as a TableEncoder takes them [rows, columns]; what the training rows do not have is a warning.

    Args:
        given: A path; a polars or pandas DataFrame; a list of rows, each a dict; a dict of columns, or of one row; or
            numbers [rows, columns], as a TableEncoder takes them.
        columns: The fitted columns.
        separator: Of the fields of a CSV file; None to infer it.

    Raises:
        ValueError: It is none of these, or lacks a column.
    """
    table = _table(given, separator)
    if table is None:
        return raw_numbers(given, TableEncoder(columns), TAKEN)
    check_columns("samples", f"the {type(given).__name__}", table.frame, [column.name for column in columns])
    if len(table.frame) == 0:
        raise ValueError(f"samples must have rows; got {received(given)}.")
    try:
        encoded = Encoded(columns, table.frame, table.decimal_comma)
    except PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"samples must have numbers, dates and text in their columns; got {reason}.") from error
    for note in encoded.notes:
        warnings.warn(note, stacklevel=4)  # of the line that calls the loaded model
    return torch.from_numpy(encoded.raw(np.arange(len(table.frame))))


def _table(given: Any, separator: str | None) -> TableFile | None:
    """The rows as a table; None if their columns have no names."""
    if isinstance(given, str | Path):
        return read_table(user_path(str(given)), "samples", separator, verbatim=True)
    try:
        if isinstance(given, pl.DataFrame):
            columns: Mapping[Any, Any] = given.to_dict()
        elif isinstance(given, Mapping):
            columns = given
        elif hasattr(given, "isna") and hasattr(given, "columns"):  # of pandas, which need not be installed
            if not given.columns.is_unique:
                raise ValueError("two have one name")
            # pandas has several kinds of missing values, which polars does not know.
            known = {name: zip(given[name], given[name].isna(), strict=True) for name in given.columns}
            columns = {name: [None if gone else value for value, gone in pairs] for name, pairs in known.items()}
        elif isinstance(given, list | tuple) and given and all(isinstance(row, Mapping) for row in given):
            names = dict.fromkeys(name for row in given for name in row)
            # Column by column: a row may lack one, whose value is missing then.
            columns = {name: [row.get(name) for row in given] for name in names}
        else:
            return None
        frame = pl.DataFrame({str(name): _column(values) for name, values in columns.items()}, strict=False)
    except (PolarsError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"samples must be columns of one length, each with a name of its own; got {received(given)} ({reason})."
        ) from error
    return TableFile(frame, decimal_comma=False)


def _column(values: Any) -> Any:
    """The values of a column; a single value is that of a single row."""
    if isinstance(values, Tensor):
        values = values.numpy(force=True)
    if isinstance(values, list | tuple) and any(isinstance(value, str) for value in values):
        # As in a file: polars would drop text among numbers without a word.
        return [None if value is None else str(value) for value in values]
    if isinstance(values, list | tuple | pl.Series):
        return values
    if isinstance(values, np.ndarray):
        return np.atleast_1d(values)
    return list(values) if hasattr(values, "__iter__") and not isinstance(values, str | bytes) else [values]
