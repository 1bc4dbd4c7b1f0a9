"""The columns of a table as numbers for a network: standardised numbers, dates in days, categories as one-hot."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gradexp.data.tables.table_file import NULLS

Numbers = NDArray[np.float64]

MOST_CATEGORIES = 100  # more of them look like identifiers or free text
NUMBER_SHARE = 0.95  # of a text column's values that must read as numbers for the others to count as missing
SHOWN = 5  # names or values in a note
MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Column:
    """What is known of a column from the training rows.

    A number becomes ``(value - mean) / std``, a missing one 0, which is the mean. A category becomes one feature a
    category, 1 where it is the row's; one that the training rows lack leaves all of them 0.

    Attributes:
        name: Of the column.
        kind: "number"; "days" of a date since 1970-01-01, with a fraction for the time; or "category".
        mean: Of the training rows' numbers.
        std: Their standard deviation (divisor n).
        missing: Whether some of the training rows lack a value; a last feature is then 1 where a row does.
        categories: By feature.
    """

    name: str
    kind: Literal["number", "days", "category"]
    mean: float = 0.0
    std: float = 1.0
    missing: bool = False
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Number of features."""
        return (len(self.categories) if self.kind == "category" else 1) + self.missing

    @property
    def feature_names(self) -> list[str]:
        """Of each feature."""
        own = [f"{self.name} = {category}" for category in self.categories] or [self.name]
        return [*own, f"{self.name} is missing"] if self.missing else own

    def state(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"categories": list(self.categories)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Column":
        return cls(**{**state, "categories": tuple(state["categories"])})


def clean_text(series: pl.Series) -> pl.Series:
    """Text without spaces around it, null where it says that a value is missing."""
    text = series.cast(pl.String).str.strip_chars()
    return text.set(text.is_in(NULLS), None)


def to_numbers(series: pl.Series, decimal_comma: bool = False) -> pl.Series:
    """Numbers, and null for what is missing, infinite or no number; truth values are 1 and 0, dates days since 1970."""
    if series.dtype == pl.String:
        text = clean_text(series)
        if decimal_comma:
            text = text.str.replace(",", ".", literal=True)
        numbers = text.cast(pl.Float64, strict=False)
        truth = text.str.to_lowercase().replace_strict({"true": 1.0, "false": 0.0}, default=None)
        return finite(numbers.fill_null(truth.cast(pl.Float64)))
    if series.dtype == pl.Time or series.dtype == pl.Duration:
        microseconds = series.cast(pl.Duration("us") if series.dtype == pl.Duration else pl.Time).cast(pl.Int64)
        # Time counts nanoseconds.
        return microseconds / (MICROSECONDS_PER_DAY * (1000 if series.dtype == pl.Time else 1))
    if series.dtype.is_temporal():
        return series.cast(pl.Datetime("us")).cast(pl.Int64) / MICROSECONDS_PER_DAY
    return finite(series.cast(pl.Float64))


def to_days(series: pl.Series) -> pl.Series:
    """Dates, or text that says dates, as days since 1970-01-01."""
    if series.dtype != pl.String:
        return to_numbers(series)
    text = clean_text(series)
    if text.null_count() == len(text):
        return text.cast(pl.Float64)
    try:
        return to_numbers(text.str.to_datetime(strict=False, time_unit="us"))
    except pl.exceptions.PolarsError:  # the first value is of no form that it knows
        try:
            return to_numbers(text.str.to_date(strict=False))
        except pl.exceptions.PolarsError:
            return pl.Series(series.name, [None] * len(text), dtype=pl.Float64)


def finite(numbers: pl.Series) -> pl.Series:
    """Null for NaN and infinity; the same series where there are none."""
    # A sum is not finite if one of its numbers is not, and it is the fastest look at them all.
    if math.isfinite(numbers.sum() or 0.0):
        return numbers
    return numbers.set(~numbers.is_finite(), None)


def learn_columns(frame: pl.DataFrame, rows: NDArray[np.int64]) -> tuple[list[Column], list[str]]:
    """What the training rows say of each column, and notes on what was done.

    Args:
        frame: The columns, without the target.
        rows: The training rows, ascending.
    """
    columns: list[Column] = []
    left_out: dict[str, list[str]] = {}
    odd: list[str] = []
    for series in frame:
        column = _learn(series, rows, odd)
        if isinstance(column, Column):
            columns.append(column)
        else:
            left_out.setdefault(column, []).append(series.name)
    notes = [f"left out, {reason}: {listed(names)}" for reason, names in left_out.items()]
    missing = {
        "numbers become the training mean": [c.name for c in columns if c.missing and c.kind != "category"],
        "categories one of their own": [c.name for c in columns if c.missing and c.kind == "category"],
    }
    for what, names in missing.items():
        if names:
            notes.append(f"missing {what}, and a feature says that they were missing: {listed(names)}")
    days = [column.name for column in columns if column.kind == "days"]
    if days:
        notes.append(f"dates count as days since 1970: {listed(days)}")
    return columns, notes + odd


def _learn(series: pl.Series, rows: NDArray[np.int64], notes: list[str]) -> Column | str:
    """The column, or why it is left out."""
    name, dtype = series.name, series.dtype
    if not name or name.startswith("_duplicated_"):
        return "without a name (row numbers, most likely)"
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return f"no numbers, dates or text ({dtype})"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        text = clean_text(series)
        numbers = text.cast(pl.Float64, strict=False)
        known = len(text) - text.null_count()
        if known == 0 or len(numbers) - numbers.null_count() < NUMBER_SHARE * known:
            return _learn_categories(name, text.gather(rows))
        wrong = text.filter(numbers.is_null() & text.is_not_null())
        if len(wrong):
            notes.append(f"column {name}: values that are no numbers count as missing: {counted(wrong)}")
    infinite = int(series.is_infinite().sum()) if dtype.is_float() and not math.isfinite(series.sum() or 0.0) else 0
    if infinite:
        notes.append(f"column {name}: infinite values count as missing: {infinite:,}")
    if dtype.is_integer() and len(series) > 2 and series.null_count() == 0 and (series.diff().drop_nulls() == 1).all():
        notes.append(f"column {name} counts the rows; if it means nothing, leave it out with data.drop=[{name}]")
    values = to_numbers(series).to_numpy()[rows]
    missing = bool(np.isnan(values.sum()))
    values = values[~np.isnan(values)] if missing else values
    if not len(values):
        return "without any value"
    if values.min() == values.max():
        return "one value only"
    mean = float(values.mean())
    std = float(np.sqrt(np.square(values - mean).mean()))
    if not (np.isfinite(std) and std > 0):
        return "too large or too close together for a spread"
    return Column(name, "days" if dtype.is_temporal() else "number", mean, std, missing)


def _learn_categories(name: str, text: pl.Series) -> Column | str:
    missing = text.null_count() > 0
    categories = text.drop_nulls().unique().sort()
    if len(categories) == 0:
        return "without any value"
    if len(categories) == 1 and not missing:
        return "one value only"
    if len(categories) == len(text) - text.null_count() > 2:
        return "another text in every row"
    if len(categories) > MOST_CATEGORIES:
        return f"more than {MOST_CATEGORIES} different texts"
    return Column(name, "category", missing=missing, categories=tuple(categories.to_list()))


def listed(names: Iterable[object], shown: int = SHOWN) -> str:
    """Some names, the first few of them written out."""
    everything = [str(name) for name in names]
    more = f" and {len(everything) - shown:,} more" if len(everything) > shown else ""
    return ", ".join(everything[:shown]) + more


def counted(series: pl.Series) -> str:
    """How many values there are, and what they are."""
    return f"{len(series):,} ({listed(repr(value) for value in series.unique(maintain_order=True).to_list())})"
