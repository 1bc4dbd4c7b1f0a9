"""Messages on columns that a table lacks."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from gradexp.data.tables.table_columns import listed
from gradexp.rules import did_you_mean

NAMES_SHOWN = 20


def check_columns(key: str, path: Path, frame: pl.DataFrame, needed: Sequence[str]) -> None:
    """Hold a file's columns against those that are needed.

    Raises:
        ValueError: One is missing.
    """
    for name in needed:
        if name not in frame.columns:
            raise ValueError(
                f"{key} must have the columns that the model needs; {_lacks(path, name, frame.columns)} "
                f"It needs {listed(needed, NAMES_SHOWN)}."
            )


def _lacks(path: Path, name: str, columns: list[str]) -> str:
    return f"{path} has no {name!r}.{did_you_mean(name, columns)} It has {listed(columns, NAMES_SHOWN)}."


def no_such_column(argument: str, name: str, path: Path, columns: list[str]) -> str:
    """The message where `data.<argument>` names a column that the file lacks."""
    spaced = next((column for column in columns if " " in column), None)
    if len(columns) == 1:
        hint = " Its lines are one field by comma, semicolon, tab and pipe; data.separator=space or another may fit."
    elif spaced is not None and argument == "target":
        hint = f" A name with spaces is typed \"data.target='{spaced}'\"."
    else:
        hint = ""
    return f"data.{argument} must name columns of the file; {_lacks(path, name, columns)}{hint}"
