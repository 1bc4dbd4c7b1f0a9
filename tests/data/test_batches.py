"""Which samples make up which batch."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradexp.data.batches import BatchLoader, BatchOrder, Source, SubsetSource, TensorSource, split_indices

INPUTS = np.random.default_rng(0).normal(size=(23, 3))


def order_of(seed: int | None, epoch: int, rank: int = 0, world_size: int = 1, num_samples: int = 50) -> list[int]:
    order = BatchOrder(num_samples, 7, seed, rank, world_size)
    order.set_epoch(epoch)
    return [int(index) for index in order.indices()]


def make_loader(streamed: bool = False, num_workers: int = 0, epoch: int = 0) -> BatchLoader:
    memory = TensorSource(torch.from_numpy(INPUTS), torch.arange(len(INPUTS)))
    source: Source = SubsetSource(memory, torch.arange(len(INPUTS))) if streamed else memory
    order = BatchOrder(len(INPUTS), batch_size=5, seed=0)
    order.set_epoch(epoch)
    return BatchLoader(source, order, num_workers)


def targets(batches: Any) -> list[list[int]]:
    return [batch[1].tolist() for batch in batches]


def test_the_order_depends_on_seed_epoch_and_rank_alone() -> None:
    torch.manual_seed(1)
    first = order_of(seed=3, epoch=2, rank=1, world_size=2)
    torch.manual_seed(2)
    order = BatchOrder(50, None, 3, rank=1, world_size=2)
    for epoch in (0, 5, 2):
        order.set_epoch(epoch)
        state = torch.get_rng_state()
        again = order.indices().tolist()
    assert again == first
    assert torch.equal(torch.get_rng_state(), state)


def test_seeds_epochs_and_ranks_all_have_orders_of_their_own() -> None:
    orders = [order_of(seed, epoch, rank, 2) for seed in (0, 1, 2) for epoch in (0, 1, 2) for rank in (0, 1)]
    assert len({tuple(order) for order in orders}) == 18


def test_seed_0_shuffles() -> None:
    assert order_of(seed=0, epoch=0) != list(range(50))
    assert sorted(order_of(seed=0, epoch=0)) == list(range(50))


def test_without_a_seed_the_order_is_the_source_s() -> None:
    assert order_of(seed=None, epoch=4) == list(range(50))


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize(("num_samples", "world_size"), [(10, 1), (10, 3), (11, 4), (3, 4), (100, 7)])
def test_without_even_every_sample_comes_exactly_once_over_all_ranks(
    seed: int | None, num_samples: int, world_size: int
) -> None:
    seen = [order_of(seed, 1, rank, world_size, num_samples) for rank in range(world_size)]
    assert sorted(sum(seen, [])) == list(range(num_samples))


@pytest.mark.parametrize(
    ("num_samples", "world_size"),
    [
        (12, 3),
        (10, 3),
        (11, 4),
        (100, 7),
        (2, 4),
        pytest.param(
            1,
            4,
            marks=pytest.mark.xfail(
                strict=True, reason="fewer than half as many samples as ranks: some ranks get none"
            ),
        ),
    ],
)
def test_even_gives_all_ranks_equally_many_samples_and_leaves_none_out(num_samples: int, world_size: int) -> None:
    seen = [
        BatchOrder(num_samples, None, 0, rank, world_size, even=True).indices().tolist() for rank in range(world_size)
    ]
    assert {len(own) for own in seen} == {-(-num_samples // world_size)}
    assert set(sum(seen, [])) == set(range(num_samples))


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 5, 100, None])
@pytest.mark.parametrize(("num_samples", "rank", "world_size"), [(20, 0, 1), (21, 0, 1), (22, 2, 3), (22, 0, 3)])
def test_len_is_the_number_of_batches_that_come(
    num_samples: int, rank: int, world_size: int, batch_size: int | None, even: bool
) -> None:
    order = BatchOrder(num_samples, batch_size, 0, rank, world_size, even)
    loader = BatchLoader(TensorSource(torch.zeros(num_samples), torch.zeros(num_samples)), order)
    assert len(list(loader)) == len(loader)


@pytest.mark.xfail(strict=True, reason="len() is 0, but one batch of no samples comes")
def test_a_rank_without_samples_has_no_batches() -> None:
    order = BatchOrder(1, 5, None, rank=1, world_size=2)
    assert len(order) == 0
    assert list(BatchLoader(TensorSource(torch.zeros(1), torch.zeros(1)), order)) == []


def test_without_a_batch_size_all_samples_are_one_batch() -> None:
    loader = BatchLoader(TensorSource(torch.zeros(23), torch.arange(23)), BatchOrder(23, None, 0))
    (batch,) = targets(loader)
    assert sorted(batch) == list(range(23))


@pytest.mark.parametrize(("streamed", "num_workers"), [(False, 0), (True, 0), (True, 2)])
def test_batches_hold_the_samples_of_the_order(streamed: bool, num_workers: int) -> None:
    batches = list(make_loader(streamed, num_workers, epoch=3))
    order = make_loader(epoch=3).sampler.indices().numpy()
    assert [len(batch[0]) for batch in batches] == [5, 5, 5, 5, 3]
    for number, (inputs, numbers) in enumerate(batches):
        own = order[5 * number : 5 * number + 5]
        np.testing.assert_array_equal(inputs.numpy(), INPUTS[own])
        np.testing.assert_array_equal(numbers.numpy(), own)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("done", [0, 1, 3, 4])
def test_a_loader_resumes_after_the_batches_that_were_done(done: int, streamed: bool) -> None:
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


def test_after_a_whole_epoch_the_next_one_starts_at_its_beginning() -> None:
    loader = make_loader()
    assert len(targets(loader)) == 5
    resumed = make_loader(epoch=1)
    resumed.load_state_dict(loader.state_dict())
    assert targets(resumed) == targets(make_loader(epoch=1))


@pytest.mark.xfail(strict=True, reason="state_dict forgets a loaded position until the first batch is fetched")
def test_a_position_that_was_loaded_is_kept_until_it_is_used() -> None:
    loader = make_loader()
    loader.load_state_dict({"position": 3})
    assert loader.state_dict() == {"position": 3}


def test_inputs_and_targets_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="got 3 and 2"):
        TensorSource(torch.zeros(3), torch.zeros(2))


def as_set(indices: Tensor) -> set[int]:
    return {int(index) for index in indices}


@pytest.mark.parametrize(
    ("val_size", "num_val"), [(0, 0), (1, 1), (30, 30), (99, 99), (0.25, 25), (0.5, 50), (0.001, 0)]
)
def test_a_split_is_disjoint_and_complete(val_size: float, num_val: int) -> None:
    train, val = split_indices(100, val_size, seed=0)
    assert (len(train), len(val)) == (100 - num_val, num_val)
    assert as_set(train) | as_set(val) == set(range(100))


def test_a_split_is_drawn_by_its_seed_alone() -> None:
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(draws))
        draws.append(as_set(split_indices(100, 30, seed)[1]))
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] != set(range(30))


@pytest.mark.parametrize("val_size", [100, 101, 0.999])
def test_a_split_leaves_something_to_train_on(val_size: float) -> None:
    with pytest.raises(ValueError, match=rf"data\.val_size must leave samples.*below 100.*got {val_size}"):
        split_indices(100, val_size, seed=0)
