"""The order of the samples, and their division into batches."""

from itertools import chain

import pytest
import torch

from gradexp.data import BatchLoader, BatchOrder, TensorSource


def order_of(seed: int | None, epoch: int, rank: int = 0, world_size: int = 1, num_samples: int = 50) -> list[int]:
    order = BatchOrder(num_samples, 7, seed, rank, world_size)
    order.set_epoch(epoch)
    return [int(index) for index in order.indices()]


def test_order_depends_only_on_seed_epoch_and_rank() -> None:
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


def test_order_differs_between_seeds_epochs_and_ranks() -> None:
    orders = [order_of(seed, epoch, rank, 2) for seed in (0, 1, 2) for epoch in (0, 1, 2) for rank in (0, 1)]
    assert len({tuple(order) for order in orders}) == 18


def test_seed_0_shuffles() -> None:
    assert order_of(seed=0, epoch=0) != list(range(50))
    assert sorted(order_of(seed=0, epoch=0)) == list(range(50))


def test_order_without_a_seed_is_the_order_of_the_source() -> None:
    assert order_of(seed=None, epoch=4) == list(range(50))


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize(("num_samples", "world_size"), [(10, 1), (10, 3), (11, 4), (3, 4), (100, 7)])
def test_uneven_ranks_together_see_every_sample_exactly_once(
    seed: int | None, num_samples: int, world_size: int
) -> None:
    seen = [order_of(seed, 1, rank, world_size, num_samples) for rank in range(world_size)]
    assert sorted(chain(*seen)) == list(range(num_samples))


@pytest.mark.parametrize(
    ("num_samples", "world_size"),
    [
        (12, 3),
        (10, 3),
        (11, 4),
        (100, 7),
        (2, 4),
        (1, 4),
    ],
)
def test_even_ranks_have_equally_many_samples_and_miss_none(num_samples: int, world_size: int) -> None:
    seen = [
        BatchOrder(num_samples, None, 0, rank, world_size, even=True).indices().tolist() for rank in range(world_size)
    ]
    assert {len(order) for order in seen} == {-(-num_samples // world_size)}
    assert set(chain(*seen)) == set(range(num_samples))


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 5, 100, None])
@pytest.mark.parametrize(("num_samples", "rank", "world_size"), [(20, 0, 1), (21, 0, 1), (22, 2, 3), (22, 0, 3)])
def test_len_is_the_number_of_batches(
    num_samples: int, rank: int, world_size: int, batch_size: int | None, even: bool
) -> None:
    order = BatchOrder(num_samples, batch_size, 0, rank, world_size, even)
    loader = BatchLoader(TensorSource(torch.zeros(num_samples), torch.zeros(num_samples)), order)
    assert len(list(loader)) == len(loader)


def test_rank_without_samples_has_no_batches() -> None:
    order = BatchOrder(1, 5, None, rank=1, world_size=2)
    assert len(order) == 0
    assert list(BatchLoader(TensorSource(torch.zeros(1), torch.zeros(1)), order)) == []


def test_batch_size_none_puts_all_samples_in_one_batch() -> None:
    loader = BatchLoader(TensorSource(torch.zeros(23), torch.arange(23)), BatchOrder(23, None, 0))
    ((_, batch),) = loader
    assert sorted(batch.tolist()) == list(range(23))
