"""The chance to beat, compared with SciPy's U and with the published example."""

import numpy as np
import pytest
from scipy import stats

from gradexp.verdicts.superiority import superiority, superiority_interval


def test_by_hand_with_ties_half() -> None:
    assert superiority([2, 3], [1, 2, 2]) == pytest.approx((1 + 0.5 + 0.5 + 3) / 6)
    assert superiority([1], [1]) == 0.5
    assert superiority([5, 6], [1, 2]) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_statistic_of_mann_and_whitney(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 6, 7), rng.integers(0, 6, 5)
    expected = stats.mannwhitneyu(one, other).statistic / 35
    assert superiority(one.tolist(), other.tolist()) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_ends_solve_the_score_equation(share: float) -> None:
    ends = superiority_interval(share, 5, 8)
    for end in ends:
        if end in (0.0, 1.0):
            continue
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)  # Hanley and McNeil's, with 5.5 further runs on both sides
        variance = (end * (1 - end) + 5.5 * (q1 - end**2) + 5.5 * (q2 - end**2)) / 40
        assert abs(share - end) == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-4)
    assert ends[0] <= share <= ends[1]
    mirrored = superiority_interval(1 - share, 8, 5)
    assert ends == pytest.approx((1 - mirrored[1], 1 - mirrored[0]))


def test_an_interval_is_neither_empty_nor_certain_where_all_runs_win() -> None:
    low, high = superiority_interval(1.0, 5, 5)
    assert (round(low, 2), high) == (0.64, 1.0)  # by bisection of the equation above
