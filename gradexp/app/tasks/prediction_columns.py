"""Predictions and true values as columns beside the user's own."""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from gradexp.data import AbstractDataModule
from gradexp.data.tables.table_columns import clean_text

TOLERANCE = 1e-3  # of the sum of probabilities
CODE = r"^[+-]?(0\d|\d{19})"  # text that looks like a number, of which a number would lose digits


def predicted_columns(data: AbstractDataModule, outputs: Tensor, taken: Sequence[str]) -> list[pl.Series]:
    """Of each sample the predicted class, its probability and that of every class; or numbers in the target's units.

    Outputs that are no probabilities, because they do not sum to 1, are called scores.

    Args:
        data: The data module that the model was trained on.
        outputs: The model's predictions [samples, classes], or [samples, targets].
        taken: Names of the samples' own columns; a prediction of such a name gets the prefix predicted_.

    Raises:
        ValueError: There is not one output for each class.
    """
    if not data.classes:
        values = data.in_target_units(outputs).flatten(1)
        return [_series(f"prediction{end}", column, taken) for end, column in _numbered(values)]
    if outputs.shape[1:] != (data.num_classes,):
        raise ValueError(
            f"model must give a number for each of the {data.num_classes} classes; got {list(outputs.shape)} for "
            f"{len(outputs)} samples."
        )
    is_distribution = bool((outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() < TOLERANCE).all())
    word = "probability" if is_distribution else "score"
    largest, numbers = outputs.max(dim=1)
    names = [data.classes[number] for number in numbers.tolist()]
    each = [_series(f"{word}_{name}", outputs[:, n], taken) for n, name in enumerate(data.classes)]
    return [pl.Series(_free_name("class", taken), names, pl.String), _series(word, largest, taken), *each]


def true_columns(data: AbstractDataModule, targets: Tensor, taken: Sequence[str]) -> list[pl.Series]:
    """The samples' true classes, or their true numbers in the target's units.

    Args:
        data: The data module.
        targets: Class numbers [samples], or numbers in the target's units [samples, ...].
        taken: Names of the samples' own columns.
    """
    if data.classes:
        return [true_values(pl.Series([data.classes[number] for number in targets.tolist()], dtype=pl.String), taken)]
    values = targets.reshape(len(targets), -1)
    return [_series(f"true{end}", column, taken, "true_") for end, column in _numbered(values)]


def true_values(values: pl.Series, taken: Sequence[str]) -> pl.Series:
    """True classes, which are text, or numbers, as a column."""
    return values.alias(_free_name("true_class" if values.dtype == pl.String else "true", taken, "true_"))


def with_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """The text of a CSV file as numbers, column by column, where every value is one; missing values are null.

    Codes such as 00123, and whole numbers that 64 bits do not hold, stay text.
    """
    return frame.with_columns(_as_numbers(column) for column in frame if column.dtype == pl.String)


def _as_numbers(column: pl.Series) -> pl.Series:
    text = clean_text(column)
    if not text.str.contains(CODE).any():
        for dtype in (pl.Int64, pl.Float64):
            numbers = text.cast(dtype, strict=False)
            if numbers.null_count() == text.null_count() < len(text):
                return numbers
    return column


def _numbered(values: Tensor) -> list[tuple[str, Tensor]]:
    """The columns of [samples, targets], each with what ends its name: nothing if there is one."""
    return [(f"_{number}" if values.shape[1] > 1 else "", column) for number, column in enumerate(values.T)]


def _series(name: str, values: Tensor, taken: Sequence[str], prefix: str = "predicted_") -> pl.Series:
    dtype = pl.Float64 if values.dtype == torch.float64 else pl.Float32  # whose text is as short as the number allows
    return pl.Series(_free_name(name, taken, prefix), values.numpy(force=True), dtype)


def _free_name(name: str, taken: Sequence[str], prefix: str = "predicted_") -> str:
    while name in taken:
        name = f"{prefix}{name}"
    return name
