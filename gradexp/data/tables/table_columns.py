"""The columns of a table as features: standardised numbers, dates in days, one-hot categories."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gradexp.data.tables.table_file import NULLS
from gradexp.rules.words import abbreviated
from gradexp.untrusted import NUMBER, check_kinds, texts

Numbers = NDArray[np.float64]

MAX_CATEGORIES = 100  # more of them look like identifiers or free text
NUMBER_SHARE = 0.95  # of a text column's values that must be numbers for the others to count as missing
MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Column:
    """The preprocessing of a column, fitted on the training rows.

    A number becomes ``(value - mean) / std``, a missing one 0, which is the mean. Categories are one-hot encoded; a
    category that the training rows lack is encoded as zeros.

    Attributes:
        name: Name of the column.
        kind: "number"; "days" for dates, as days since 1970-01-01 with the time as a fraction; or "category".
        mean: Mean of the numbers in the training rows.
        std: Their standard deviation (divisor n).
        missing: Whether some training rows lack a value; then a last feature is 1 if the value is missing.
        categories: The categories, one per feature.
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
        """Names of the features."""
        names = [f"{self.name} = {category}" for category in self.categories] or [self.name]
        return [*names, f"{self.name} is missing"] if self.missing else names

    def state(self) -> dict[str, Any]:
        """The column as plain data."""
        return asdict(self) | {"categories": list(self.categories)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Column":
        check_kinds(state, name=str, kind=str, mean=NUMBER, std=NUMBER, missing=bool)
        if state["kind"] not in ("number", "days", "category"):
            raise TypeError(f"kind is {state['kind']!r}")
        return cls(**{**state, "categories": texts(state, "categories")})


def clean_text(series: pl.Series) -> pl.Series:
    """Text without surrounding spaces, with null for the strings in NULLS."""
    text = series.cast(pl.String).str.strip_chars()
    return text.set(text.is_in(NULLS), None)


def numbers_in_text(text: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """Clean text as numbers, and the texts that are not numbers; None if too many are not."""
    numbers = text.cast(pl.Float64, strict=False)
    known = len(text) - text.null_count()
    if known == 0 or len(numbers) - numbers.null_count() < NUMBER_SHARE * known:
        return None
    return numbers, text.filter(numbers.is_null() & text.is_not_null())


def to_numbers(series: pl.Series, decimal_comma: bool = False) -> pl.Series:
    """Numbers, with null for missing and infinite values and text; Booleans become 1 and 0, dates days since 1970."""
    if series.dtype == pl.String:
        text = clean_text(series)
        if decimal_comma:
            text = text.str.replace(",", ".", literal=True)
        numbers = text.cast(pl.Float64, strict=False)
        if numbers.null_count() > text.null_count():
            truth = text.str.to_lowercase().replace_strict({"true": 1.0, "false": 0.0}, default=None)
            numbers = numbers.fill_null(truth.cast(pl.Float64))
        return finite(numbers)
    if series.dtype == pl.Time:  # in nanoseconds
        return series.cast(pl.Int64) / (1000 * MICROSECONDS_PER_DAY)
    if series.dtype == pl.Duration:
        return series.cast(pl.Duration("us")).cast(pl.Int64) / MICROSECONDS_PER_DAY
    if series.dtype.is_temporal():
        return series.cast(pl.Datetime("us")).cast(pl.Int64) / MICROSECONDS_PER_DAY
    return finite(series.cast(pl.Float64))


def to_days(series: pl.Series) -> pl.Series:
    """Dates and times, or text that represents them, as days since 1970-01-01."""
    if series.dtype != pl.String:
        return to_numbers(series)
    text = clean_text(series)
    # polars infers the format from the first value, which may be a remark.
    text = text.set(~text.str.contains(r"\d[-/.:]\d"), None)
    if text.null_count() < len(text):
        for parse in (partial(text.str.to_datetime, time_unit="us"), text.str.to_date, text.str.to_time):
            with suppress(pl.exceptions.PolarsError):  # the first value does not have a known format
                parsed = parse(strict=False)
                if parsed.null_count() < len(parsed):
                    return to_numbers(parsed)
    return pl.Series(series.name, [None] * len(text), dtype=pl.Float64)


def finite(numbers: pl.Series) -> pl.Series:
    """The numbers with null for NaN and infinity; the same series if there are none."""
    # The fastest check: the sum is not finite if one of the numbers is not.
    if math.isfinite(numbers.sum() or 0.0):
        return numbers
    return numbers.set(~numbers.is_finite(), None)


def fit_columns(frame: pl.DataFrame, rows: NDArray[np.int64]) -> tuple[list[Column], list[str]]:
    """Fit the preprocessing of each column, without the target, on the training rows (ascending).

    Returns:
        The columns that are used, and notes on what was done.
    """
    columns: list[Column] = []
    left_out: dict[str, list[str]] = {}
    column_notes: list[str] = []
    for series in frame:
        column = _fit(series, rows, column_notes)
        if isinstance(column, Column):
            columns.append(column)
        else:
            left_out.setdefault(column, []).append(series.name)
    changes = {f"left out, {reason}": names for reason, names in left_out.items()} | {
        "missing numbers are replaced by the training mean, and a feature indicates them": [
            column.name for column in columns if column.missing and column.kind != "category"
        ],
        "missing categories become a category of their own": [
            column.name for column in columns if column.missing and column.kind == "category"
        ],
        "dates are converted to days since 1970": [column.name for column in columns if column.kind == "days"],
    }
    return columns, [f"{change}: {abbreviated(names)}" for change, names in changes.items() if names] + column_notes


def _fit(series: pl.Series, rows: NDArray[np.int64], notes: list[str]) -> Column | str:
    """The column, or the reason why it is left out; notes on the column are added to `notes`."""
    name, dtype = series.name, series.dtype
    if not name.strip() or name.startswith("_duplicated_"):
        return "without a name (row numbers, most likely)"
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return f"no numbers, dates or text ({dtype})"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        text = clean_text(series)
        parsed = numbers_in_text(text)
        if parsed is None:
            return _fit_categories(name, text.gather(rows))
        _, wrong = parsed
        if len(wrong):
            notes.append(f"column {name}: values that are not numbers count as missing: {count_and_values(wrong)}")
    infinite = int(series.is_infinite().sum()) if dtype.is_float() and not math.isfinite(series.sum() or 0.0) else 0
    if infinite:
        notes.append(f"column {name}: infinite values count as missing: {infinite:,}")
    if dtype.is_integer() and len(series) > 2 and series.null_count() == 0 and (series.diff().drop_nulls() == 1).all():
        notes.append(f"column {name} numbers the rows; if it is only an index, leave it out with data.drop=[{name}]")
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
        return "too large or too close together to standardise"
    return Column(name, "days" if dtype.is_temporal() else "number", mean, std, missing)


def _fit_categories(name: str, text: pl.Series) -> Column | str:
    missing = text.null_count() > 0
    categories = text.drop_nulls().unique().sort()
    if len(categories) == 0:
        return "without any value"
    if len(categories) == 1 and not missing:
        return "one value only"
    if len(categories) == len(text) - text.null_count() > 2:
        return "a different text in every row"
    if len(categories) > MAX_CATEGORIES:
        return f"more than {MAX_CATEGORIES} different texts"
    return Column(name, "category", missing=missing, categories=tuple(categories.to_list()))


def count_and_values(series: pl.Series) -> str:
    """The number of values, and the first different ones."""
    return f"{len(series):,} ({abbreviated(repr(value) for value in series.unique(maintain_order=True).to_list())})"
