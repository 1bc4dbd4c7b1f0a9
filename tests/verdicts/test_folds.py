"""The variance of Nadeau and Bengio for scores of folds, by hand and by simulation."""

import numpy as np
import pytest
from scipy import stats

from gradexp.verdicts.difference import paired, welch
from gradexp.verdicts.folds import mean_interval, shared_variance
from gradexp.verdicts.power import seeds_needed


def test_the_formula_by_hand() -> None:
    """Scores 1 to 5 of five folds: s^2 = 2.5, and (1/5 + 1/4) 2.5 = 1.125."""
    found = paired([2, 4, 6, 8, 10], [1, 2, 3, 4, 5], 1e-9, shared=shared_variance(5))
    assert (found.value, found.error**2, found.total_df) == pytest.approx((3.0, 1.125, 4.0))
    low, high = mean_interval([1, 2, 3, 4, 5], 1e-9, shared_variance(5))
    reach = stats.t.isf(0.025, 4) * 1.125**0.5
    assert (low, high) == pytest.approx((3 - reach, 3 + reach))
    assert shared_variance(None) == 0
    expected = stats.t.interval(0.95, 4, 3, stats.sem([1, 2, 3, 4, 5]))
    assert mean_interval([1, 2, 3, 4, 5], 1e-9) == pytest.approx(expected)


def test_two_sides_of_other_folds_have_a_variance_each() -> None:
    one, other = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0]
    found = welch(one, other, 1e-9, shared=(shared_variance(5), shared_variance(2)))
    parts = np.array([2.5 * (1 / 5 + 1 / 4), 2.0 * (1 / 2 + 1)])
    assert found.error**2 == pytest.approx(parts.sum())
    assert found.df == pytest.approx(parts.sum() ** 2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 1))
    assert welch(one, other, 1e-9).p == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)


@pytest.mark.parametrize(("repetitions", "plain"), [(1, 0.138), (3, 0.34)])
def test_intervals_hold_where_scores_are_correlated_by_the_share_of_a_fold(repetitions: int, plain: float) -> None:
    """Five folds, once and three times: scores of correlation 1/5, as Nadeau and Bengio assume."""
    rng, runs = np.random.default_rng(0), 20_000
    common = rng.normal(0, np.sqrt(1 / 5), (runs, 1))
    scores = common + rng.normal(0, np.sqrt(4 / 5), (runs, 5 * repetitions))
    zeros = np.zeros_like(scores)
    assert np.mean(paired(scores, zeros, 1e-12, shared=shared_variance(5)).p <= 0.05) == pytest.approx(0.05, abs=0.005)
    # Without the correction a false verdict is common.
    assert np.mean(paired(scores, zeros, 1e-12).p <= 0.05) == pytest.approx(plain, abs=0.012)


def test_repetitions_do_not_tell_what_the_folds_share() -> None:
    gaps = np.array([0.4, 1.6, 0.7, 1.3, 1.0])
    found = paired(gaps, np.zeros(5), 1e-9, shared=shared_variance(5))
    limit = float(found.spread) * 0.5  # the error that is left with any number of folds
    assert seeds_needed(found, 0.5 * limit) == (None, None, None)
    least, expected, _ = seeds_needed(found, 4 * limit)
    assert least is not None
    assert expected is not None
    assert least <= expected
    # Without a shared part, fewer do.
    alone = seeds_needed(paired(gaps, np.zeros(5), 1e-9), 4 * limit)[1]
    assert alone is not None
    assert alone < expected
