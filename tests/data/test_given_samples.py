"""Numbers in arrays, tensors and lists become what a preprocessor takes."""

from typing import Any

import numpy as np
import pytest
import torch

from gradexp.data.given_samples import as_tensor, raw_numbers
from gradexp.data.preprocessors import NumberScaler

SCALER = NumberScaler(torch.zeros(3), torch.ones(3))
ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize(
    "given",
    [
        ROWS, tuple(map(tuple, ROWS)), np.array(ROWS), np.array(ROWS, ">f4"), np.array(ROWS, np.uint16),
        np.array(ROWS)[:, ::-1][:, ::-1], np.array(ROWS, np.longdouble), torch.tensor(ROWS, dtype=torch.int64),
        [torch.tensor(row, requires_grad=True) for row in ROWS], [np.array(row) for row in ROWS],
    ],
)  # fmt: skip
def test_numbers_of_every_kind_are_taken(given: Any) -> None:
    raw = raw_numbers(given, SCALER)
    assert raw.dtype == torch.float32
    assert raw.tolist() == ROWS
    assert raw_numbers(given[0], SCALER).tolist() == ROWS[:1]


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (np.zeros((3, 5)), r"ndarray of shape \[3, 5\]"),
        (torch.zeros(3, 3, 1), r"Tensor of shape \[3, 3, 1\]"),
        (torch.zeros(2, 3, dtype=torch.complex64), r"Tensor of shape \[2, 3\]"),
        ([[1, 2, 3], [1]], r"list of 2 \(list\)"),
        ("x.csv", "str 'x.csv'"),
        (3, r"int of shape \[\]|int of shape \[1\]"),
    ],
)
def test_what_has_another_shape_is_refused_with_both_shapes(given: Any, got: str) -> None:
    with pytest.raises(ValueError, match=rf"^samples must be numbers of shape \[samples, 3\], .*; got ({got})\.$"):
        raw_numbers(given, SCALER)


def test_without_a_preprocessor_numbers_go_in_as_they_are() -> None:
    assert raw_numbers(np.zeros((2, 4, 4)), None).dtype == torch.float32
    tensor = torch.zeros(2, 4, dtype=torch.float64)
    assert raw_numbers(tensor, None) is tensor
    with pytest.raises(ValueError, match=r"^samples must be numbers, in a NumPy array, .*; got dict \{\}\.$"):
        raw_numbers({}, None)


def test_text_is_no_tensor() -> None:
    assert as_tensor(["a"]) is None
    assert as_tensor(object()) is None
