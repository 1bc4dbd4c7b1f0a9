"""Differences of means, compared with SciPy and with hand-computed cases."""

import math

import numpy as np
import pytest
from scipy import stats

from gradexp.verdicts.difference import grain, paired, welch
from tests.verdicts.differences import difference

ONE, OTHER = [0.91, 0.93, 0.90, 0.95], [0.90, 0.90, 0.88, 0.93]
SIZES = [(3, 3), (3, 10), (5, 4), (10, 10)]


def draws(first: int, second: int, seed: int = 0) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.9, 0.01, first).tolist(), rng.normal(0.91, 0.03, second).tolist()


def test_pairs_by_hand() -> None:
    found = paired(ONE, OTHER, 1e-6)
    # Gaps 0.01, 0.03, 0.02, 0.02: mean 0.02, squared deviations 2e-4 over 3.
    assert found.value == pytest.approx(0.02)
    assert found.spread == pytest.approx(math.sqrt(2e-4 / 3))
    assert float(found.seeds) == float(found.df) + 1 == 4
    assert found.interval() == pytest.approx((0.02 - 3.182446 * found.spread / 2, 0.02 + 3.182446 * found.spread / 2))


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_pairs_are_those_of_scipy(seeds: int) -> None:
    one, other = draws(seeds, seeds)
    found, expected = paired(one, other, 1e-9), stats.ttest_rel(one, other)
    assert found.p == pytest.approx(expected.pvalue)
    for level in (0.05, 0.001):
        assert found.interval(level) == pytest.approx(tuple(expected.confidence_interval(1 - level)))


@pytest.mark.parametrize(("first", "second"), SIZES)
def test_unpaired_ones_are_welchs(first: int, second: int) -> None:
    one, other = draws(first, second)
    found, expected = welch(one, other, 1e-9), stats.ttest_ind(one, other, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.df == pytest.approx(expected.df)
    for level in (0.05, 0.001):
        assert found.interval(level) == pytest.approx(tuple(expected.confidence_interval(1 - level)))


def test_a_spread_of_zero_counts_as_one_sample() -> None:
    found = paired([0.96] * 3, [0.95] * 3, grain([0.96, 0.95], 100))
    assert found.p == pytest.approx(2 * stats.t.sf(math.sqrt(3), 2))
    assert 0.2 < found.p < 0.25
    assert welch([0.96] * 3, [0.95] * 3, 0.01).error == pytest.approx(0.01 * math.sqrt(2 / 3))
    assert grain([-3.0, 2.0], None) == pytest.approx(3 * 2**-23)
    assert grain([0.0], None) > 0


def test_the_part_of_the_test_set_is_added_and_more_seeds_do_not_reduce_it() -> None:
    few, many = (difference(0.01, 0.02, seeds, 1e-4) for seeds in (4, 10_000))
    assert few.error == pytest.approx(math.sqrt(4e-4 / 4 + 1e-4))
    assert many.error == pytest.approx(0.01, rel=1e-3)
    assert few.total_df == pytest.approx(3 * 2**2)  # twice the variance, all of the rest known
    assert many.total_df > 1e6


def test_many_comparisons_at_once_are_computed_one_by_one() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 4, 3, 5))
    for function in (paired, welch):
        found = function(one, other, 0.1)
        for place in np.ndindex(4, 3):
            alone = function(one[place], other[place], 0.1)
            assert (found.value[place], found.p[place]) == pytest.approx((float(alone.value), float(alone.p)))
            assert [end[place] for end in found.interval()] == pytest.approx(alone.interval())


@pytest.mark.parametrize(("one", "other"), [([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0]), ([], [])])
def test_pairs_must_be_pairs(one: list[float], other: list[float]) -> None:
    with pytest.raises(ValueError, match="equally many scores, two or more"):
        paired(one, other, 0.1)


def test_a_single_score_has_no_spread() -> None:
    with pytest.raises(ValueError, match="got 1 and 3"):
        welch([1.0], [1.0, 2.0, 3.0], 0.1)
