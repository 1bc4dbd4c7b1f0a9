"""The target column of a table: inferring whether it is a number or a class, and converting it to a tensor."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import polars as pl
import torch
from torch import Tensor

from gradexp.data.tables.table_columns import clean_text, count_and_values, finite, numbers_in_text, to_days, to_numbers
from gradexp.untrusted import NUMBER, check_kinds, texts

Kind = Literal["regression", "classification"]

MAX_CLASSES = 20  # whole numbers with more different values are not classes
EXACT = 2**53  # up to here float64 represents every whole number


@dataclass(frozen=True)
class Target:
    """The preprocessing of the target.

    Attributes:
        name: Name of its column.
        kind: "regression" or "classification".
        classes: Class names, by class number; empty for regression.
        mean: Mean of the numbers in the training rows.
        std: Their standard deviation (divisor n).
    """

    name: str
    kind: Kind
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0

    def state(self) -> dict[str, Any]:
        """The target as plain data."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Target":
        check_kinds(state, name=str, kind=str, mean=NUMBER, std=NUMBER)
        if state["kind"] not in get_args(Kind):
            raise TypeError(f"kind is {state['kind']!r}")
        return cls(**{**state, "classes": texts(state, "classes")})

    def with_classes(self, values: pl.Series) -> "Target":
        """The target with the classes in `values`, numbers sorted by value and text alphabetically.

        Raises:
            ValueError: There are fewer than two classes.
        """
        classes = [class_name(value) for value in values.unique().sort().to_list()]
        if len(classes) < 2:
            raise ValueError(
                f"data.target must have at least two classes in the training rows; {self.name} has "
                f"{repr(classes[0]) if classes else 'none'} only."
            )
        return replace(self, classes=tuple(classes))

    def with_scale(self, values: Tensor) -> "Target":
        """The target with the mean and standard deviation of `values`.

        Raises:
            ValueError: All values are equal, or their standard deviation cannot be computed.
        """
        if values.min() == values.max():
            raise ValueError(
                f"data.target must vary in the training rows; {self.name} is {values[0].item():g} in all of them."
            )
        mean, std = values.mean().item(), values.std(correction=0).item()
        if not (math.isfinite(std) and std > 0):
            raise ValueError(
                f"data.target must have numbers that can be standardised; those of {self.name}, up to "
                f"{values.abs().max().item():.3g}, are too large or too close together. Scale them, or take logarithms."
            )
        return replace(self, mean=mean, std=std)

    def read(self, column: pl.Series, decimal_comma: bool) -> pl.Series:
        """The values of a column of any type in another file: numbers or class names, null for missing ones.

        `decimal_comma` tells whether numbers in text are written as 1,5.

        Raises:
            ValueError: There are no values.
        """
        if self.kind == "regression":
            values = to_numbers(column, decimal_comma)
            values = to_days(column) if values.null_count() == len(values) else values
        else:
            text = clean_text(column)
            distinct = text.drop_nulls().unique()
            values = text.replace_strict(distinct, pl.Series(map(self._class_of, distinct), dtype=pl.String))
        _check_has_values(values, column.name)
        return values

    def read_if_known(self, frame: pl.DataFrame, decimal_comma: bool) -> pl.Series | None:
        """The values of the target in another table, as `read` gives them; None if it has none of them."""
        if self.name not in frame.columns or clean_text(frame[self.name]).null_count() == len(frame):
            return None
        return self.read(frame[self.name], decimal_comma)

    def _class_of(self, text: str) -> str:
        """The class that `text` writes, such as 1 for 1.0 and true for True; `text` itself if there is none."""
        names = [text, text.lower()]
        with suppress(ValueError):
            names.append(class_name(float(text)))
        return next((name for name in names if name in self.classes), text)

    def encode(self, values: pl.Series) -> Tensor:
        """Numbers in their units (float64), or class numbers (int64) with -1 for an unknown class [rows]."""
        if self.kind == "regression":
            return torch.tensor(values.cast(pl.Float64).to_numpy())
        number = {name: index for index, name in enumerate(self.classes)}
        distinct = values.unique()
        codes = pl.Series([number.get(class_name(value), -1) for value in distinct.to_list()], dtype=pl.Int64)
        numbers = values.replace_strict(distinct, codes, return_dtype=pl.Int64)
        return torch.tensor(numbers.cast(pl.Int64).to_numpy())  # polars ignores return_dtype for an empty series


def class_name(value: object) -> str:
    """The name of a class: a whole number without a decimal point, a Boolean in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def infer_target(column: pl.Series, kind: Kind | None) -> tuple[Target, pl.Series, str]:
    """Infer whether a column holds a number or a class, unless the user set its `kind`.

    Text, Booleans and whole numbers, which may be written as 1.0, are classes; whole numbers only if they have at most
    2 different values, or at most MAX_CLASSES with two rows each on average. Other numbers, and dates, are for
    regression.

    Returns:
        The target, the values with null for missing ones, and a note.

    Raises:
        ValueError: The column cannot be of that kind, or has no values.
    """
    name, dtype = column.name, column.dtype
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise ValueError(f"data.target must be a column of numbers or text; {name} holds {dtype}.")
    values, wrong = column, column.clear()
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        values = clean_text(column)
        parsed = numbers_in_text(values) if kind != "classification" else None
        if parsed is not None:
            values, wrong = _whole_if_possible(finite(parsed[0])), parsed[1]
    elif dtype.is_temporal():
        values = clean_text(column) if kind == "classification" else to_numbers(column)
    elif dtype.is_numeric() and not dtype.is_integer():
        values = _whole_if_possible(finite(column.cast(pl.Float64)))
    _check_has_values(values, name)
    if kind == "regression" and values.dtype == pl.String:
        first = values.drop_nulls()[0]
        raise ValueError(
            f"data.kind must be classification for a target of text; {name} holds {first!r}, and data.kind is "
            "regression. For regression, choose a column of numbers."
        )
    inferred: Kind
    inferred, reason = ("regression", "dates") if dtype.is_temporal() else _infer_kind(values)
    distinct = values.n_unique()
    if (kind or inferred) == "classification" and distinct > MAX_CLASSES and 2 * distinct > len(values):
        instead = "" if values.dtype == pl.String else " data.kind=regression treats it as a number."
        raise ValueError(
            f"data.target must be a column of numbers or of classes with several rows each; {name} holds {distinct:,} "
            f"different values in {len(values):,} rows, such as {str(values.drop_nulls()[0])!r}.{instead}"
        )
    if kind is None:
        other = "regression" if inferred == "classification" else "classification"
        alternative = "" if values.dtype == pl.String else f"; data.kind={other} changes this"
        note = f"target {name}: {inferred} ({reason}){alternative}"
    else:
        note = f"target {name}: {kind}, set by data.kind"
    if len(wrong):
        note += f"; values that are not numbers count as missing: {count_and_values(wrong)}"
    return Target(name, kind or inferred), values, note


def _whole_if_possible(numbers: pl.Series) -> pl.Series:
    """Whole numbers as integers, however they are written: a single 1.5 or missing value makes a column floats."""
    is_whole = (numbers.drop_nulls() % 1 == 0).all() and (numbers.drop_nulls().abs() <= EXACT).all()
    return numbers.cast(pl.Int64) if is_whole else numbers


def _check_has_values(values: pl.Series, name: str) -> None:
    if values.null_count() == len(values):
        raise ValueError(f"data.target must have values; all {len(values):,} rows of {name} lack one.")


def _infer_kind(values: pl.Series) -> tuple[Kind, str]:
    """The kind, and the reason for it."""
    if values.dtype == pl.Boolean:
        return "classification", "true or false"
    if values.dtype != pl.String and not values.dtype.is_integer():
        return "regression", "real numbers"
    known = values.drop_nulls()
    distinct = known.n_unique()
    if values.dtype == pl.String:
        return "classification", f"{distinct:,} different texts"
    if distinct <= 2 or (distinct <= MAX_CLASSES and 2 * distinct <= len(known)):
        return "classification", f"{distinct} different whole numbers"
    return "regression", f"{distinct:,} different whole numbers"
