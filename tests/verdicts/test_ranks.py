"""Shared ranks, compared with the cliques of random graphs, found by trying all subsets."""

import itertools
import random

import pytest

from gradexp.verdicts.ranks import in_words, shared_ranks


def cliques(number: int, apart: set[tuple[int, int]]) -> list[tuple[int, ...]]:
    """All largest sets without a pair that is told apart, in lexical order."""
    subsets = [s for size in range(1, number + 1) for s in itertools.combinations(range(number), size)]
    valid = [set(s) for s in subsets if not any(pair in apart for pair in itertools.combinations(s, 2))]
    return sorted(tuple(sorted(one)) for one in valid if not any(one < other for other in valid))


def test_two_share_a_rank_exactly_if_they_are_not_told_apart() -> None:
    rng = random.Random(0)
    for _ in range(60):
        number, share = rng.randint(1, 7), rng.random()
        apart = {pair for pair in itertools.combinations(range(number), 2) if rng.random() < share}
        given = [pair if rng.random() < 0.5 else pair[::-1] for pair in apart]
        ranks = shared_ranks(number, given)
        for one, other in itertools.combinations(range(number), 2):
            assert bool({*ranks[one]} & {*ranks[other]}) == ((one, other) not in apart)
        expected = cliques(number, apart)
        found = [tuple(n for n in range(number) if rank in ranks[n]) for rank in range(1, len(expected) + 1)]
        assert found == expected
        assert 1 in ranks[0]
        assert max(map(max, ranks)) == len(expected)


@pytest.mark.parametrize(
    ("number", "apart", "expected"),
    [
        (3, [], [(1,), (1,), (1,)]),
        (3, [(0, 1), (0, 2), (1, 2)], [(1,), (2,), (3,)]),
        (3, [(0, 2), (1, 2)], [(1,), (1,), (2,)]),
        (3, [(2, 0)], [(1,), (1, 2), (2,)]),  # the second is told from neither
        (1, [], [(1,)]),
    ],
)
def test_ranks_of_a_few(number: int, apart: list[tuple[int, int]], expected: list[tuple[int, ...]]) -> None:
    assert shared_ranks(number, apart) == expected


@pytest.mark.parametrize(("ranks", "words"), [((1,), "1"), ((1, 2, 3), "1-3"), ((1, 3), "1,3"), ((), "")])
def test_ranks_in_words(ranks: tuple[int, ...], words: str) -> None:
    assert in_words(ranks) == words
