"""Seeds that depend only on purpose and path."""

import itertools

import pytest
import torch

from gradexp.randomness import generator, mix


def test_a_seed_is_the_same_in_every_process_and_version() -> None:
    # hashlib.blake2b(b"('split', (0, 1))", digest_size=8).hexdigest() is d202eb5995e8fc9e. Its upper 63 bits are
    # written out because a run must find the same stream in another process, years later.
    assert 0xD202EB5995E8FC9E >> 1 == 7566458233958989391
    assert mix("split", 0, 1) == 7566458233958989391


def test_neighbouring_paths_and_purposes_never_share_a_seed() -> None:
    paths = [*itertools.product(range(40), range(40)), *itertools.product(range(12), repeat=3)]
    seeds = {mix(purpose, *path) for purpose in ("split", "order", "step", "") for path in paths}
    assert len(seeds) == 4 * len(paths)
    assert mix("order", 1, 0) != mix("order", 0, 1)
    assert mix("order", 1, 23) != mix("order", 12, 3)
    assert mix("order", 1) != mix("order", 1, 0)


def test_seeds_fill_63_bits_evenly() -> None:
    seeds = [mix("order", seed, epoch) for seed in range(50) for epoch in range(50)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    for bit in range(63):
        # The mean of 2,500 fair coins is 1/2 within six standard deviations of 0.01.
        assert sum(seed >> bit & 1 for seed in seeds) / 2500 == pytest.approx(0.5, abs=0.06)


def test_neighbouring_seeds_differ_in_half_of_their_bits() -> None:
    flipped = [(mix("order", seed, 0) ^ mix("order", seed + 1, 0)).bit_count() for seed in range(1000)]
    # Binomial(63, 1/2) has mean 31.5; the mean of 1,000 samples has a standard deviation of 0.13.
    assert sum(flipped) / 1000 == pytest.approx(31.5, abs=0.8)


def test_a_generator_repeats_its_stream_and_does_not_change_the_global_one() -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = torch.rand(5, generator=generator("order", 3, 4))
    assert torch.equal(first, torch.rand(5, generator=generator("order", 3, 4)))
    assert not torch.equal(first, torch.rand(5, generator=generator("order", 4, 3)))
    assert torch.equal(first, torch.rand(5, generator=torch.Generator().manual_seed(mix("order", 3, 4))))
    assert torch.equal(state, torch.get_rng_state())
