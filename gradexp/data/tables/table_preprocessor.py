"""The preprocessing of a table's columns as a torch module."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradexp.data.preprocessors import Preprocessor
from gradexp.data.tables.table_columns import Column

NUMBER, CATEGORY, MISSING = range(3)  # kinds of features
MEANING = (
    "one number per column: numbers as they are; dates and times as days since 1970-01-01; a category as its position "
    "in the list of categories, from 0, or -1 for any other; NaN where a value is missing"
)
FORMULA = (
    "column by column: of a number or date one feature, (value - mean) / std, or 0 if it is missing; of a category one "
    "feature for each of its categories, 1 or 0; if the column's missing is true, one more feature, 1 if the value is"
)


class TableEncoder(Preprocessor):
    """From raw rows [batch, columns], float64, to features; the same as gradexp.data.tables.table_encoded.Encoded.

    A number is itself, a date the days since 1970-01-01, a category its position in the column's categories or -1, and
    a missing value NaN.

    Args:
        columns: The fitted columns.
    """

    name, dtype = "columns", torch.float64
    source: Tensor
    kind: Tensor
    mean: Tensor
    std: Tensor
    code: Tensor

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = list(columns)
        self.shape = (len(self.columns),)
        features: list[tuple[int, int, float, float, int]] = []  # column, kind, mean, std, category
        for place, column in enumerate(self.columns):
            if column.kind == "category":
                features += [(place, CATEGORY, 0.0, 1.0, code) for code in range(len(column.categories))]
            else:
                features.append((place, NUMBER, column.mean, column.std, 0))
            if column.missing:
                features.append((place, MISSING, 0.0, 1.0, 0))
        source, kind, mean, std, code = zip(*features, strict=True)
        for name, values in (("source", source), ("kind", kind)):
            self.register_buffer(name, torch.tensor(values))
        for name, numbers in (("mean", mean), ("std", std), ("code", code)):
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.float64))

    def forward(self, raw: Tensor) -> Tensor:
        values = raw.index_select(1, self.source)
        is_missing = ~(values.abs() < torch.inf)  # NaN too
        scaled = (torch.where(is_missing, self.mean, values) - self.mean) / self.std
        of_category = torch.where(self.kind == CATEGORY, (values == self.code).double(), is_missing.double())
        return torch.where(self.kind == NUMBER, scaled, of_category).float()

    def description(self) -> dict[str, Any]:
        return {"meaning": MEANING, "preprocessing": FORMULA, "columns": [column.state() for column in self.columns]}

    def draw(self, number: int, stream: torch.Generator) -> Tensor:
        rows = torch.randn(number, len(self.columns), generator=stream, dtype=torch.float64)
        for place, column in enumerate(self.columns):
            if column.kind == "category":
                rows[:, place] = torch.randint(-1, len(column.categories), (number,), generator=stream)
            else:
                rows[:, place] = column.mean + column.std * rows[:, place]
        return torch.where(torch.rand(rows.shape, generator=stream) < 0.05, torch.nan, rows)
