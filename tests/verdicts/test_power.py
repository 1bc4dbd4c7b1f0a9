"""Power and numbers of seeds, compared with SciPy's noncentral t and with simulated experiments."""

import numpy as np
import pytest
from scipy import stats

from gradexp.verdicts.difference import Difference
from gradexp.verdicts.power import power_at, seeds_needed, smallest_gap, spread_interval
from tests.verdicts.differences import difference


def pairs(spread: float, seeds: int, sampling: float = 0.0) -> Difference:
    return difference(0.0, spread, seeds, sampling)


@pytest.mark.parametrize(("gap", "seeds"), [(0.5, 3), (1.0, 10), (2.0, 5)])
def test_power_is_that_of_the_noncentral_t(gap: float, seeds: int) -> None:
    expected = stats.nct.sf(stats.t.isf(0.025, seeds - 1), seeds - 1, gap * np.sqrt(seeds))
    assert power_at(gap, 1.0, seeds, seeds - 1) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("level", [0.05, 0.0011])
def test_the_smallest_gap_is_found_in_four_of_five_simulated_sweeps(seeds: int, level: float) -> None:
    gap = smallest_gap(pairs(1.0, seeds), level)
    draws = np.random.default_rng(0).normal(gap, 1.0, size=(20_000, seeds))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / np.sqrt(seeds))
    found = np.mean(t > stats.t.isf(level / 2, seeds - 1))
    assert found == pytest.approx(0.8, abs=0.015)


def test_a_textbook_case() -> None:
    """A gap of half a standard deviation needs 34 pairs (Cohen 1988, and G*Power 3)."""
    least, expected, most = seeds_needed(pairs(1.0, 10), 0.5)
    assert expected == 34
    assert least is not None
    assert most is not None
    assert least < 34 < most


def test_the_range_is_that_of_the_spreads_interval() -> None:
    estimated = pairs(2.0, 5)
    low, high = spread_interval(2.0, 4)
    assert (low, high) == pytest.approx((2 * np.sqrt(4 / 9.487729), 2 * np.sqrt(4 / 0.710723)))
    least, _, most = seeds_needed(estimated, 1.5)
    assert least == seeds_needed(pairs(low, 5), 1.5)[1]
    assert most == seeds_needed(pairs(high, 5), 1.5)[1]


def test_the_spreads_interval_holds_in_nine_of_ten_simulated_settings() -> None:
    spreads = np.random.default_rng(0).normal(size=(20_000, 5)).std(axis=1, ddof=1)
    low, high = spread_interval(1.0, 4)
    assert np.mean((spreads * low < 1) & (spreads * high > 1)) == pytest.approx(0.9, abs=0.01)


def test_a_large_gap_needs_three_seeds_and_a_tiny_one_more_than_can_be_said() -> None:
    assert seeds_needed(pairs(0.001, 10), 1.0)[1] == 3
    assert seeds_needed(pairs(1.0, 10), 1e-4) == (None, None, None)


def test_no_number_of_seeds_makes_up_for_a_small_test_set() -> None:
    assert seeds_needed(pairs(0.01, 10, sampling=0.01**2), 0.02) == (None, None, None)
    assert seeds_needed(pairs(0.01, 10, sampling=0.001**2), 0.02)[1] == 5
