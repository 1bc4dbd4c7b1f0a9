"""Batches from memory and streamed, resuming, and the split."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.data.sources import Source, SubsetSource
from gradexp.data.split import split_indices

INPUTS = np.random.default_rng(0).normal(size=(23, 3))


def make_loader(streamed: bool = False, num_workers: int = 0, epoch: int = 0) -> BatchLoader:
    memory = TensorSource(torch.from_numpy(INPUTS), torch.arange(len(INPUTS)))
    source: Source = SubsetSource(memory, torch.arange(len(INPUTS))) if streamed else memory
    order = BatchOrder(len(INPUTS), batch_size=5, seed=0)
    order.set_epoch(epoch)
    return BatchLoader(source, order, num_workers)


def targets(batches: Any) -> list[list[int]]:
    return [batch[1].tolist() for batch in batches]


@pytest.mark.parametrize(("streamed", "num_workers"), [(False, 0), (True, 0), (True, 2)])
def test_batches_follow_the_order(streamed: bool, num_workers: int) -> None:
    batches = list(make_loader(streamed, num_workers, epoch=3))
    order = make_loader(epoch=3).sampler.indices().numpy()
    assert [len(batch[0]) for batch in batches] == [5, 5, 5, 5, 3]
    for number, (inputs, numbers) in enumerate(batches):
        expected = order[5 * number : 5 * number + 5]
        np.testing.assert_array_equal(inputs.numpy(), INPUTS[expected])
        np.testing.assert_array_equal(numbers.numpy(), expected)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("done", [0, 1, 3, 4])
def test_loader_resumes_after_the_finished_batches(done: int, streamed: bool) -> None:
    whole = targets(make_loader(streamed, epoch=2))
    interrupted = make_loader(streamed, epoch=2)
    batches = iter(interrupted)
    for _ in range(done):
        next(batches)

    resumed = make_loader(streamed, epoch=2)
    resumed.load_state_dict(interrupted.state_dict())
    assert targets(resumed) == whole[done:]
    resumed.sampler.set_epoch(3)
    assert targets(resumed) == targets(make_loader(epoch=3))


def test_loader_saved_after_an_epoch_starts_the_next_epoch() -> None:
    loader = make_loader()
    assert len(targets(loader)) == 5
    resumed = make_loader(epoch=1)
    resumed.load_state_dict(loader.state_dict())
    assert targets(resumed) == targets(make_loader(epoch=1))


def test_loaded_position_is_kept_until_iteration() -> None:
    loader = make_loader()
    loader.load_state_dict({"position": 3})
    assert loader.state_dict()["position"] == 3


def test_inputs_and_targets_must_have_equal_length() -> None:
    with pytest.raises(ValueError, match="got 3 and 2"):
        TensorSource(torch.zeros(3), torch.zeros(2))


def as_set(indices: Tensor) -> set[int]:
    return {int(index) for index in indices}


@pytest.mark.parametrize(
    ("val_size", "num_val"), [(0, 0), (1, 1), (30, 30), (99, 99), (0.25, 25), (0.5, 50), (0.001, 0)]
)
def test_split_is_disjoint_and_complete(val_size: float, num_val: int) -> None:
    train, val = split_indices(100, val_size, seed=0)
    assert (len(train), len(val)) == (100 - num_val, num_val)
    assert as_set(train) | as_set(val) == set(range(100))


def test_split_depends_only_on_the_seed() -> None:
    draws: list[set[int]] = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(draws))
        draws.append(as_set(split_indices(100, 30, seed)[1]))
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] != set(range(30))


@pytest.mark.parametrize("val_size", [100, 101, 0.999])
def test_split_without_training_samples_raises(val_size: float) -> None:
    with pytest.raises(ValueError, match=rf"data\.val_size must leave samples.*below 100.*got {val_size}"):
        split_indices(100, val_size, seed=0)
