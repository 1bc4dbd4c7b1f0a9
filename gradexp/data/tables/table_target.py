"""The target column of a table: recognised as a number or a class, and turned into a tensor."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import polars as pl
import torch
from torch import Tensor

from gradexp.data.tables.table_columns import NUMBER_SHARE, clean_text, counted, finite, to_numbers

Kind = Literal["regression", "classification"]

MOST_CLASSES = 20  # of whole numbers; more are a quantity


@dataclass(frozen=True)
class Target:
    """What is known of the target.

    Attributes:
        name: Of its column.
        kind: "regression" or "classification".
        classes: By class number; none for a number.
        mean: Of the training rows' numbers.
        std: Their standard deviation (divisor n).
    """

    name: str
    kind: Kind
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0

    def state(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Target":
        return cls(**{**state, "classes": tuple(state["classes"])})

    def with_classes(self, values: pl.Series) -> "Target":
        """With the classes among `values`: numbers by size, text by its letters.

        Raises:
            ValueError: There is but one.
        """
        classes = [class_name(value) for value in values.unique().sort().to_list()]
        if len(classes) < 2:
            raise ValueError(
                f"data.target must have at least two classes among the rows to train on; {self.name} has "
                f"{repr(classes[0]) if classes else 'none'} only."
            )
        return replace(self, classes=tuple(classes))

    def with_spread(self, values: Tensor) -> "Target":
        """With mean and standard deviation of `values`.

        Raises:
            ValueError: They are all the same.
        """
        mean, std = values.mean().item(), values.std(correction=0).item()
        if values.min() == values.max():
            raise ValueError(
                f"data.target must vary among the rows to train on; {self.name} is {values[0].item():g} in all of them."
            )
        return replace(self, mean=mean, std=std)

    def encode(self, values: pl.Series) -> Tensor:
        """Numbers in their own units (float64), or class numbers (int64), -1 for a class that training lacks [rows]."""
        if self.kind == "regression":
            return torch.tensor(values.cast(pl.Float64).to_numpy())
        number = {name: index for index, name in enumerate(self.classes)}
        distinct = values.unique()
        codes = pl.Series([number.get(class_name(value), -1) for value in distinct.to_list()], dtype=pl.Int64)
        numbers = values.replace_strict(distinct, codes, return_dtype=pl.Int64)
        return torch.tensor(numbers.cast(pl.Int64).to_numpy())  # of no values polars makes no integers


def class_name(value: object) -> str:
    """A class as people read it: a whole number without a point, truth in small letters."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def recognise(column: pl.Series, kind: Kind | None) -> tuple[Target, pl.Series, str]:
    """Whether a column holds a number or a class, its values with null for missing ones, and a note on it.

    Text, truth values and whole numbers are classes, whole numbers where they are 2 at most, or at most MOST_CLASSES
    with at least two rows each on average; all other numbers and dates are quantities.

    Args:
        column: The target column.
        kind: What the user says it is; None to recognise it.

    Raises:
        ValueError: It cannot be what the user says, or has no value at all.
    """
    name, dtype = column.name, column.dtype
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise ValueError(f"data.target must be a column of numbers or text; {name} holds {dtype}.")
    values, wrong = column, column.clear()
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        values = clean_text(column)
        numbers = values.cast(pl.Float64, strict=False)
        known = len(values) - values.null_count()
        if known and len(numbers) - numbers.null_count() >= NUMBER_SHARE * known and kind != "classification":
            wrong = values.filter(numbers.is_null() & values.is_not_null())
            values = finite(numbers)
            if (values.drop_nulls() % 1 == 0).all():
                values = values.cast(pl.Int64, strict=False)
    elif dtype.is_temporal():
        values = to_numbers(column)
    elif dtype.is_numeric() and not dtype.is_integer():
        values = finite(column.cast(pl.Float64))
    if values.null_count() == len(values):
        raise ValueError(f"data.target must have values; all {len(values):,} rows of {name} lack one.")
    if kind == "regression" and values.dtype == pl.String:
        first = values.drop_nulls()[0]
        raise ValueError(
            f"data.kind must be classification for a target of text; {name} holds {first!r}, and data.kind is "
            "regression. For regression name a column of numbers."
        )
    found: Kind
    found, reason = ("regression", "dates") if dtype.is_temporal() else _recognised(values)
    distinct = values.n_unique()
    if (kind or found) == "classification" and distinct > MOST_CLASSES and 2 * distinct > len(values):
        instead = "" if values.dtype == pl.String else " data.kind=regression takes it as a number."
        raise ValueError(
            f"data.target must be a column of numbers or of classes with several rows each; {name} holds {distinct:,} "
            f"different values in {len(values):,} rows, such as {str(values.drop_nulls()[0])!r}.{instead}"
        )
    target = Target(name, kind or found)
    if kind is None:
        other = "regression" if found == "classification" else "classification"
        possible = "" if values.dtype == pl.String else f"; data.kind={other} takes it as the other"
        note = f"target {name}: {found} ({reason}){possible}"
    else:
        note = f"target {name}: {kind}, as data.kind says"
    if len(wrong):
        note += f"; values that are no numbers count as missing: {counted(wrong)}"
    return target, values, note


def _recognised(values: pl.Series) -> tuple[Kind, str]:
    known = values.drop_nulls()
    if values.dtype == pl.String:
        distinct = known.n_unique()
        return "classification", f"{distinct:,} different texts"
    if values.dtype == pl.Boolean:
        return "classification", "true or false"
    if not values.dtype.is_integer():
        return "regression", "real numbers"
    distinct = known.n_unique()
    if distinct <= 2 or (distinct <= MOST_CLASSES and 2 * distinct <= len(known)):
        return "classification", f"{distinct} different whole numbers"
    return "regression", f"{distinct:,} different whole numbers"
