"""Holm's step-down procedure, by hand and by its definition."""

import numpy as np
import pytest

from gradexp.verdicts.difference import Difference
from gradexp.verdicts.holm import holm, interval


def test_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_the_decisions_are_those_of_the_step_down_procedure(seed: int) -> None:
    p = np.random.default_rng(seed).beta(0.2, 3, size=12)
    rejected = set()
    for step, index in enumerate(np.argsort(p)):
        if p[index] > 0.05 / (len(p) - step):
            break
        rejected.add(int(index))
    assert {n for n, value in enumerate(holm(p)) if value <= 0.05} == rejected
    assert 0 < len(rejected) < 12


def differences(seed: int) -> Difference:
    values = np.random.default_rng(seed).normal(0, 6, size=10)
    return Difference(values, np.ones(10), 4, np.full(10, 3.0), np.ones(10), True)


def test_many_sweeps_at_once_are_adjusted_one_by_one() -> None:
    p = np.random.default_rng(0).uniform(size=(3, 4, 5))
    adjusted = holm(p)
    for place in np.ndindex(3, 4):
        np.testing.assert_array_equal(adjusted[place], holm(p[place]))


def test_an_interval_excludes_zero_exactly_where_holm_decides() -> None:
    decided = narrower = 0
    for seed in range(40):
        sweep = differences(seed)
        p_holm = holm(sweep.p)
        low, high = interval(sweep, p_holm, 10)
        wide_low, wide_high = sweep.interval(0.05 / 10)
        is_decided, is_wide = p_holm <= 0.05, (low == wide_low) & (high == wide_high)
        np.testing.assert_array_equal((low > 0) | (high < 0), is_decided)
        np.testing.assert_array_equal(is_wide, ~(is_decided & (wide_low < 0) & (wide_high > 0)))
        decided += int(is_decided.sum())
        narrower += int((~is_wide).sum())
    assert decided > 100
    assert narrower > 10


def test_one_comparison_has_students_interval() -> None:
    one = differences(0)
    np.testing.assert_array_equal(interval(one, one.p, 1), one.interval(0.05))
