"""The rows of a table before preprocessing: reading them and checking their columns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradexp.data.sources import Batch
from gradexp.data.tables.table_file import TableFile, read_table
from gradexp.rules import did_you_mean
from gradexp.rules.words import abbreviated

NAMES_SHOWN = 20


class RawTable:
    """Rows as they were read, and their targets: class numbers, or numbers in their original units."""

    def __init__(self, frame: pl.DataFrame, targets: Tensor, decimal_comma: bool) -> None:
        self.frame = frame
        self.targets = targets
        self.decimal_comma = decimal_comma

    def take(self, rows: NDArray[np.int64]) -> "RawTable":
        """The rows at these positions, in this order."""
        return RawTable(self.frame[rows], self.targets[torch.from_numpy(rows)], self.decimal_comma)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, indices: Tensor) -> Batch:
        raise AssertionError("rows have no features until they are preprocessed")


def read_rows(
    path: Path, key: str, separator: str | None, target: str, drop: Sequence[str] = (), verbatim: bool = False
) -> TableFile:
    """Read a table with `read_table`, and check that it has the columns `target` and `drop`.

    Raises:
        ValueError: The file is not a table, or lacks a column.
    """
    table = read_table(path, key, separator, verbatim)
    for argument, names in (("target", [target]), ("drop", drop)):
        for name in names:
            if name not in table.frame.columns:
                raise ValueError(_no_such_column(argument, name, path, table.frame.columns))
    return table


def check_columns(key: str, path: Path | str, frame: pl.DataFrame, needed: Sequence[str]) -> None:
    """Check that a table has the columns that the model needs.

    Raises:
        ValueError: One is missing.
    """
    for name in needed:
        if name not in frame.columns:
            raise ValueError(
                f"{key} must have the columns that the model needs; {_has_no(path, name, frame.columns)} "
                f"It needs {abbreviated(needed, NAMES_SHOWN)}."
            )


def _has_no(path: Path | str, name: str, columns: list[str]) -> str:
    return f"{path} has no {name!r}.{did_you_mean(name, columns)} It has {abbreviated(columns, NAMES_SHOWN)}."


def _no_such_column(argument: str, name: str, path: Path, columns: list[str]) -> str:
    """The message if `data.<argument>` names a column that the file lacks."""
    spaced = next((column for column in columns if " " in column), None)
    if len(columns) == 1:
        hint = (
            " Comma, semicolon, tab and pipe leave each line one field; try data.separator=space or another character."
        )
    elif spaced is not None and argument == "target":
        hint = f" Type a name with spaces as \"data.target='{spaced}'\"."
    else:
        hint = ""
    return f"data.{argument} must name columns of the file; {_has_no(path, name, columns)}{hint}"
