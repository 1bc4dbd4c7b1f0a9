"""Preprocessing as a module gives the very inputs that the data module gives."""

from typing import Any

import pytest
import torch

from gradexp.data import AbstractDataModule, Blobs, BreastCancer, Diabetes, Digits, ImageFolder, LinearData, Table
from gradexp.data.tables.table_columns import Column
from gradexp.data.tables.table_preprocessor import TableEncoder
from tests.data.images.pets import make
from tests.data.tables.files import houses, write


def of_kind(kind: str) -> AbstractDataModule:
    cases: dict[str, Any] = {
        "blobs": Blobs,
        "cancer": BreastCancer,
        "diabetes": Diabetes,
        "digits": Digits,
        "linear": LinearData,
        "table": lambda: Table(str(write(houses())), "price"),
        "classes": lambda: Table(str(write(houses(), "houses.parquet")), "sold", drop=["price"]),
        "pets": lambda: ImageFolder(str(make()), (8, 12)),
    }
    data: AbstractDataModule = cases[kind]()
    return data


@pytest.mark.parametrize("kind", ["blobs", "cancer", "diabetes", "digits", "linear", "table", "classes", "pets"])
def test_raw_samples_become_the_inputs_of_the_data_module(kind: str) -> None:
    data = of_kind(kind)
    data.setup("fit")
    data.setup("test")
    source, preprocessor = data.raw_test, data.preprocessor()
    assert source is not None
    assert preprocessor is not None
    rows = torch.arange(min(20, len(source)))
    raw, (expected, _) = data.raw(source, rows), data.in_order("test")[0][rows]
    assert (raw.dtype, tuple(raw.shape[1:])) == (preprocessor.dtype, preprocessor.shape)
    assert torch.equal(preprocessor(raw), expected)
    assert expected.flatten(1).shape[1] == data.num_features
    drawn = preprocessor.draw(50, torch.Generator().manual_seed(0))
    assert (drawn.dtype, drawn.shape[1:]) == (raw.dtype, raw.shape[1:])
    assert torch.isfinite(preprocessor(drawn)).all()


def test_missing_and_unknown_values_of_a_table_by_hand() -> None:
    columns = [
        Column("age", "number", mean=40.0, std=10.0, missing=True),
        Column("city", "category", categories=("Bonn", "Ulm"), missing=True),
        Column("kind", "category", categories=("a", "b")),
        Column("height", "number", mean=1.0, std=0.5),
    ]
    nan, inf = torch.nan, torch.inf
    raw = torch.tensor([[50.0, 1, 0, 2], [nan, nan, nan, nan], [inf, -1, -1, 1]], dtype=torch.float64)
    assert TableEncoder(columns)(raw).tolist() == [
        [1, 0, 0, 1, 0, 1, 0, 2],
        [0, 1, 0, 0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
    ]
