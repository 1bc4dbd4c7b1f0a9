"""Which samples a run trained on and which it tests, so that both are recognised in a file that has changed since."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradexp.data.found_samples import FoundSamples, Positions
from gradexp.untrusted import check_kinds

Hashes = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, rounded to an odd number


def mix64(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014), a bijection of 64-bit numbers [samples].

    Hashes are our own because those of libraries change between versions, and a checkpoint outlives them.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def sample_ids(hashes: Hashes) -> Hashes:
    """A different number for each sample [samples]: the hash for the first of equal ones, then hash and counter."""
    order = np.argsort(hashes, kind="stable")
    numbers = np.arange(len(hashes))
    is_first = np.diff(hashes[order], prepend=~hashes[order[:1]]) != 0
    repeats = np.empty(len(hashes), dtype=np.uint64)
    repeats[order] = numbers - np.maximum.accumulate(np.where(is_first, numbers, 0))
    return np.where(repeats == 0, hashes, mix64(hashes + repeats * GOLDEN))


@dataclass(frozen=True)
class RunSamples:
    """The samples of a run, 8 bytes each.

    A sample is known by a hash of its content, equal ones by a counter as well. Its place in the file does not matter,
    nor do added and removed samples. Of equal samples in both parts, the first ones in a file are training samples.

    Attributes:
        train: Numbers from `sample_ids` of the training part, validation samples included, in the run's order.
        test: Those of the test part. Test samples in a file of their own are counted without the training samples.
    """

    train: Hashes
    test: Hashes

    @classmethod
    def of(cls, train: Hashes, test: Hashes, test_is_apart: bool) -> "RunSamples":
        """The samples with these hashes; `test_is_apart` tells whether the test samples have a file of their own."""
        if test_is_apart:
            return cls(sample_ids(train), sample_ids(test))
        ids = sample_ids(np.concatenate([train, test]))
        return cls(ids[: len(train)], ids[len(train) :])

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "RunSamples":
        check_kinds(state, train=Tensor, test=Tensor)
        for name in ("train", "test"):
            if state[name].dtype != torch.int64 or state[name].ndim != 1:
                raise TypeError(f"{name} is {state[name].dtype}, {list(state[name].shape)}")
        return cls(state["train"].numpy().view(np.uint64), state["test"].numpy().view(np.uint64))

    def state(self) -> dict[str, Tensor]:
        """The numbers of each part as a tensor [samples], int64."""
        return {
            "train": torch.from_numpy(self.train.view(np.int64)),
            "test": torch.from_numpy(self.test.view(np.int64)),
        }

    def equals(self, other: "RunSamples") -> bool:
        """Whether both have the same samples in the same order."""
        return np.array_equal(self.train, other.train) and np.array_equal(self.test, other.test)

    @property
    def num_test_in_train(self) -> int:
        """Number of test samples in a file of their own that equal a training sample."""
        return int((_places(self.test, self.train) >= 0).sum())

    def find(self, hashes: Hashes, test_is_apart: bool) -> FoundSamples:
        """Find the samples in a file of which each sample has a hash [samples].

        `test_is_apart` tells whether the file contains test samples only. Otherwise what may be a training sample is
        one.
        """
        ids = sample_ids(hashes)
        train_place, test_place = _places(ids, self.train), _places(ids, self.test)
        if test_is_apart:
            train_place[:] = -1
        test_place[train_place >= 0] = -1
        unknown = np.flatnonzero((train_place < 0) & (test_place < 0))
        is_copy = _places(hashes[unknown], self.train) >= 0
        train, test = _in_order(train_place), _in_order(test_place)
        return FoundSamples(
            train=train,
            test=test,
            new=unknown[~is_copy],
            copies=int(is_copy.sum()),
            lost={"train": len(self.train) - len(train), "test": len(self.test) - len(test)},
        )


def _places(ids: Hashes, known: Hashes) -> Positions:
    """Where each id is in `known`, whose elements differ; -1 if it is not there [ids]."""
    places = np.full(len(ids), -1)
    if len(known):
        # Searching for sorted ids is several times faster than np.isin.
        order, sorter = np.argsort(ids), np.argsort(known)
        nearest = np.searchsorted(known[sorter], ids[order]).clip(max=len(known) - 1)
        found = sorter[nearest]
        places[order] = np.where(known[found] == ids[order], found, -1)
    return places


def _in_order(places: Positions) -> Positions:
    """The positions that have a place, ordered by it."""
    positions = np.flatnonzero(places >= 0)
    return positions[np.argsort(places[positions])]
