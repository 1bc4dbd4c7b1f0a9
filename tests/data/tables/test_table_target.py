"""Inferring the kind of a target, and encoding it."""

import datetime
from typing import Any

import polars as pl
import pytest
import torch

from gradexp.data.tables.table_target import Kind, Target, infer_target


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1], "classification"),
        ([1, 2, 3] * 5, "classification"),
        (list(range(20)) * 2, "classification"),
        (list(range(21)) * 2, "regression"),
        ([100, 200, 300, 400], "regression"),
        ([0.0, 1.0, 1.0], "classification"),
        ([1.0, 2.0, 3.0, None] * 5, "classification"),
        ([1.0, 2.0, 3.5] * 5, "regression"),
        ([n / 1.0 for n in range(21)] * 2, "regression"),
        ([1e300, -1e300] * 5, "regression"),
        (["1.0", "2.0", "3.0"] * 5, "classification"),
        ([True, False], "classification"),
        (["yes", "no"], "classification"),
        (["1", "2", "3", "4"], "regression"),
        ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "regression"),
    ],
)
def test_kind_is_inferred(values: list[Any], kind: Kind) -> None:
    target, _, note = infer_target(pl.Series("y", values), None)
    assert target.kind == kind
    assert note.startswith(f"target y: {kind} (")


@pytest.mark.parametrize("values", [[1e300, -1e300, 2e300], [1e-320, 2e-320, 3e-320]])
def test_numbers_without_a_standard_deviation_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"data\.target must have numbers that can be standardised; those of y, up to"):
        Target("y", "regression").with_scale(torch.tensor(values, dtype=torch.float64))


def test_kind_set_by_the_user_is_used() -> None:
    assert infer_target(pl.Series("y", [0, 1]), "regression")[0].kind == "regression"
    assert infer_target(pl.Series("y", [0.5, 1.5] * 9), "classification")[0].kind == "classification"


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (["red", "blue"], "regression", "data.kind must be classification for a target of text; y holds 'red'"),
        ([None, None], None, "all 2 rows of y lack one"),
        ([float("nan")], None, "all 1 rows of y lack one"),
        (["?", "NA"], None, "all 2 rows of y lack one"),
        ([f"text {n}" for n in range(50)], None, "y holds 50 different values in 50 rows, such as 'text 0'"),
        ([n / 7 for n in range(50)], "classification", "data.kind=regression treats it as a number"),
        ([[1], [2]], None, "must be a column of numbers or text; y holds List"),
    ],
)
def test_unusable_target_raises(values: list[Any], kind: Kind | None, words: str) -> None:
    with pytest.raises(ValueError, match=r"^data\.") as error:
        infer_target(pl.Series("y", values), kind)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([10, 9, 10], ("9", "10")),
        (["b", "a", "b"], ("a", "b")),
        ([True, False], ("false", "true")),
        ([1.0, 0.5, 1.0], ("0.5", "1")),
    ],
)
def test_classes_are_sorted_and_numbered(values: list[Any], classes: tuple[str, ...]) -> None:
    series = pl.Series("y", values)
    target = Target("y", "classification").with_classes(series)
    assert target.classes == classes
    numbers = target.encode(series)
    assert numbers.dtype == torch.int64
    assert [classes[number] for number in numbers] == [
        f"{v:g}" if isinstance(v, float) else str(v).lower() for v in values
    ]


def test_unknown_class_is_encoded_as_minus_1() -> None:
    target = Target("y", "classification", ("a", "b"))
    assert target.encode(pl.Series(["b", "c", "a"])).tolist() == [1, -1, 0]


def test_target_with_one_class_or_one_value_raises() -> None:
    with pytest.raises(ValueError, match=r"at least two classes in the training rows; y has 'a' only"):
        Target("y", "classification").with_classes(pl.Series(["a", "a"]))
    with pytest.raises(ValueError, match=r"must vary in the training rows; y is 3 in all of them"):
        Target("y", "regression").with_scale(torch.tensor([3.0, 3.0]))


def test_infinite_targets_and_text_among_numbers_count_as_missing() -> None:
    assert infer_target(pl.Series("y", [1.5, float("inf"), 2.5]), None)[1].to_list() == [1.5, None, 2.5]
    _, values, note = infer_target(pl.Series("y", [*map(str, range(99)), "lost"]), None)
    assert values.null_count() == 1
    assert note.endswith("values that are not numbers count as missing: 1 ('lost')")
