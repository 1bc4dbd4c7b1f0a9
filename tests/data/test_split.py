"""Random splits and folds, of every kind of data."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from torch import Tensor

from gradexp.data import (
    MNIST,
    AbstractDataModule,
    Blobs,
    BreastCancer,
    Diabetes,
    Digits,
    ImageFolder,
    LinearData,
    Points,
    PolynomialData,
    Separable,
    Table,
)
from gradexp.data.sources import TensorSource
from gradexp.data.split import Split, fold_indices, split_indices
from tests.data.images.pets import make
from tests.data.tables.files import houses, write
from tests.data.tiny import mnist_arrays, write_idx


def mnist(**options: Any) -> MNIST:
    for name, array in mnist_arrays().items():
        write_idx(Path("data/MNIST/raw", name), array)
    return MNIST(data_dir="data", batch_size=None, **options)


def table(target: str, **options: Any) -> Table:
    return Table(str(write(houses())), target, drop=["price"] if target == "sold" else [], **options)


XOR: dict[str, Any] = {"inputs": [[0, 0], [0, 1], [1, 0], [1, 1]] * 3, "targets": [0, 1, 1, 0] * 3}
# Data modules by name, with the number of their training samples.
MODULES: dict[str, tuple[Callable[..., AbstractDataModule], int]] = {
    "blobs": (Blobs, 500),
    "breast cancer": (BreastCancer, 456),
    "diabetes": (Diabetes, 354),
    "digits": (Digits, 1438),
    "image folder": (lambda **options: ImageFolder(str(make()), (8, 8), data_dir="cache", **options), 32),
    "streamed images": (
        lambda **options: ImageFolder(str(make()), (8, 8), data_dir="cache", memory_limit=0, **options), 32,
    ),
    "linear": (LinearData, 256),
    "mnist": (mnist, 60),
    "points": (lambda **options: Points(**XOR, classes=["0", "1"], **options), 12),
    "polynomial": (PolynomialData, 25),
    "separable": (Separable, 200),
    "table of classes": (lambda **options: table("sold", **options), 160),
    "table of numbers": (lambda **options: table("price", **options), 160),
    "streamed table": (lambda **options: table("sold", memory_limit=0, **options), 160),
}  # fmt: skip


def test_default_runs_split_as_ever() -> None:
    """Numbers of the first version: the splits, and the samples that a seed draws, must not change."""
    train, val = split_indices(1438, 200, 0)
    assert (val[:6].tolist(), train[:6].tolist()) == (
        [46, 180, 1129, 1085, 243, 751], [280, 1385, 735, 491, 1285, 292],
    )  # fmt: skip
    digits = Digits(seed=3)
    digits.setup("fit")
    assert digits.held_out()[1][:12].tolist() == [3, 9, 2, 9, 0, 3, 3, 5, 1, 7, 0, 5]
    assert digits.train_targets()[:12].tolist() == [4, 6, 8, 9, 7, 7, 8, 7, 4, 5, 7, 6]
    blobs = Blobs(seed=3)
    blobs.setup("fit")
    assert blobs.held_out()[0][0].tolist() == pytest.approx([1.3554084, 2.0390904])


@pytest.mark.parametrize("name", MODULES)
def test_each_sample_is_held_out_in_one_fold_and_classes_are_spread_evenly(name: str) -> None:
    module, number = MODULES[name]
    found, rest = [], []
    for fold in range(3):
        data = module(folds=3, fold=fold, seed=fold)  # the seed draws nothing of it
        data.setup("fit")
        sizes = data.sizes()
        assert sizes["train"] + sizes["val"] == number
        found.append(data.held_out()[1])
        rest.append(data.train_targets())
    assert max(map(len, found)) - min(map(len, found)) <= 1
    everything = [sorted(torch.cat([*pair]).flatten().tolist()) for pair in zip(found, rest, strict=True)]
    if not data.classes:  # as preprocessed by the training samples of a fold
        return
    assert everything[0] == everything[1] == sorted(torch.cat(found).tolist())
    counts = [Counter(targets.tolist()) for targets in found]
    assert all(
        max(each) - min(each) <= 1 for each in zip(*([one[c] for c in counts[0]] for one in counts), strict=True)
    )


def test_folds_part_the_samples_by_split_seed_alone_and_the_test_part_is_as_ever() -> None:
    def held_out(**options: Any) -> Tensor:
        data = Blobs(num_samples=31, num_classes=3, batch_size=None, **options)
        data.setup("fit")
        return data.held_out()[0]

    def tested(**options: Any) -> Tensor:
        data = Digits(**options)
        data.setup("test")
        return data._parts["test"].targets

    base = held_out(folds=5, fold=1)
    assert torch.equal(base, held_out(folds=5, fold=1, seed=7))
    assert torch.equal(base, held_out(folds=5, fold=1, seed=7, split_seed=0))
    assert not torch.equal(base, held_out(folds=5, fold=1, split_seed=7))
    assert torch.equal(held_out(seed=7), held_out(seed=3, split_seed=7))
    assert not torch.equal(held_out(seed=7), held_out(seed=3))
    assert torch.equal(tested(), tested(folds=5, fold=3, seed=4, split_seed=9))


def test_folds_are_in_random_order_and_hold_out_as_many_of_each_class() -> None:
    classes = torch.arange(1000) // 500
    train, val = fold_indices(classes, 4, 0, seed=0)
    assert (len(train), len(val), int(classes[val].sum())) == (750, 250, 125)
    # A part of the training samples, such as the first hundred, is of both classes.
    assert 30 < int(classes[train[:100]].sum()) < 70
    assert train.tolist() != sorted(train.tolist())
    sizes = [len(fold_indices(torch.tensor([0] * 7 + [1] * 6), 5, fold, 0)[1]) for fold in range(5)]
    assert sizes == [3, 3, 3, 2, 2]


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (None, 2, "data.folds must be the number of folds with data.fold=2, such as 5; got null."),
        (5, None, 'data.fold must be .* 0 to 4, with data.folds=5; got null. .* "data.fold=range\\(5\\)".'),
        (5, 5, "data.fold must be the fold to validate on, 0 to 4, with data.folds=5; got 5."),
        (1, 0, "folds must be a whole number of at least 2, or null; got 1."),
    ],
)
def test_folds_and_fold_go_together(folds: int | None, fold: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Blobs(folds=folds, fold=fold)


def test_classes_of_fewer_samples_than_folds_are_named() -> None:
    frame = pl.DataFrame({"x": range(40), "y": ["rare" if n % 10 == 0 else "common" for n in range(40)]})
    frame.write_csv("rare.csv")
    with pytest.raises(ValueError, match=r"data\.folds must be at most \d, .* of class rare, the smallest; got 5\."):
        Table("rare.csv", "y", folds=5, fold=0).setup("fit")
    with pytest.raises(ValueError, match=r"data\.folds must be at most 25, the number of samples.*; got 26\."):
        PolynomialData(folds=26, fold=0).setup("fit")
    split = Split(0, 0, 2, 1)
    assert [len(part) for part in split(TensorSource(torch.zeros(3, 1), torch.zeros(3, 1)), list)] == [2, 1]


def test_loaders_of_ones_own_have_no_folds() -> None:
    class Own(Blobs):  # type: ignore[misc]  # final for us
        def val_dataloader(self) -> Any:
            return []

    assert Own(seed=2).seed == 2
    options: tuple[dict[str, Any], ...] = ({"folds": 5, "fold": 0}, {"split_seed": 1})
    for option in options:
        with pytest.raises(
            ValueError, match=r"^data\.(folds|split_seed) must be null for Own, which has a val_dataloa"
        ):
            Own(**option)


def test_samples_are_held_out_with_folds_whatever_val_size_is() -> None:
    assert [Split(size, 0, *of).holds_out for size, of in ((0, ()), (0.1, ()), (0, (2, 0)))] == [False, True, True]
