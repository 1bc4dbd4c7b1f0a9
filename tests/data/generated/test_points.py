"""Points and NoData."""

from typing import Any

import numpy as np
import pytest
import torch

from gradexp.data import NoData, Points

CORNERS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


def test_targets_of_points_with_classes_are_class_numbers() -> None:
    data = Points(CORNERS, [0, 1, 1, 0], classes=["same", "different"])
    inputs, targets = data.tensors("train")
    assert (data.num_features, data.classes, data.num_classes) == (2, ["same", "different"], 2)
    assert (inputs.dtype, targets.dtype) == (torch.float32, torch.int64)
    np.testing.assert_array_equal(inputs, CORNERS)
    np.testing.assert_array_equal(targets, [0, 1, 1, 0])


def test_targets_of_points_without_classes_are_a_column_of_numbers() -> None:
    data = Points([[1], [2]], [3, 4.5])
    _, targets = data.tensors("train")
    assert (data.num_classes, targets.dtype) == (0, torch.float32)
    np.testing.assert_array_equal(targets, [[3], [4.5]])


def test_test_part_of_points_equals_the_training_part() -> None:
    data = Points(CORNERS, [0, 1, 1, 0], classes=["0", "1"])
    data.setup("test")
    ((inputs, targets),) = data.test_dataloader()
    np.testing.assert_array_equal(inputs, CORNERS)
    np.testing.assert_array_equal(targets, [0, 1, 1, 0])


@pytest.mark.parametrize("seed", [0, 1])
def test_every_pass_has_every_point_once_in_a_new_order(seed: int) -> None:
    data = Points([[float(n)] for n in range(10)], [0.0] * 10, batch_size=1, repeat=3, seed=seed)
    data.setup("fit")
    order = [int(inputs) for inputs, _ in data.train_dataloader()]
    passes = [order[:10], order[10:20], order[20:]]
    assert all(sorted(each) == list(range(10)) for each in passes)
    assert len({tuple(each) for each in passes}) == 3


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ([[1.0, 2.0], [3.0]], [0, 1], r"^inputs must be a list of points, .*got \[\[1.0, 2.0\], \[3.0\]\]"),
        ([[1.0], [2.0]], [0, 1, 2], r"data.targets must be as many as data.inputs, 2; got 3: \[0, 1, 2\]"),
        ([[], []], [0, 1], r"^inputs must be a list of points, .*got \[\[\], \[\]\]"),
        ([], [], r"^inputs must be a list of points, .*got \[\]"),
        ([["a"]], [0], r"^inputs must be a list of points, .*got \[\['a'\]\]"),
        (5, [0], "^inputs must be a list of points, .*got 5"),
        ([[1.0]], 5, "^targets must be a list of numbers, one a point; got 5"),
    ],
)
def test_inconsistent_points_raise(inputs: Any, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Points(inputs, targets)


@pytest.mark.parametrize("targets", [[0, 2], [0, -1], [0.5, 1]])
def test_targets_that_are_not_class_numbers_raise(targets: list[float]) -> None:
    with pytest.raises(ValueError, match=r"data.targets must be the numbers of data.classes, 0 to 1; got \["):
        Points([[1.0], [2.0]], targets, classes=["a", "b"])


def test_no_data_yields_empty_batches() -> None:
    data = NoData(repeat=7)
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert len(batches) == 7
    assert all(inputs.numel() == 0 for inputs, _ in batches)
    assert data.sizes() == {}
    assert data.num_features == data.num_classes == 0
    assert data.val_dataloader() == []
