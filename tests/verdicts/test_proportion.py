"""Wilson's interval and McNemar's variance, compared with SciPy and by hand."""

import numpy as np
import pytest
from scipy import stats

from gradexp.verdicts.proportion import mcnemar_variance, wilson


@pytest.mark.parametrize(("right", "samples"), [(0, 10), (9, 10), (10, 10), (9846, 10_000), (1, 1)])
def test_wilsons_interval_is_scipys(right: int, samples: int) -> None:
    expected = stats.binomtest(right, samples).proportion_ci(method="wilson")
    assert wilson(right, samples) == pytest.approx((expected.low, expected.high))


def test_mcnemar_by_hand() -> None:
    """Of ten samples three are right with the first model only, one with the second only."""
    first, second = np.array([1, 1, 1, 0, 1, 1, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0])
    assert mcnemar_variance(first, second) == pytest.approx((3 + 1 - 2**2 / 10) / 100)
    assert mcnemar_variance(second, first) == mcnemar_variance(first, second)


def test_models_that_agree_on_all_samples_are_not_known_to_be_equal() -> None:
    assert mcnemar_variance(np.ones(50), np.ones(50)) == pytest.approx(1 / 50**2)


def test_it_is_the_variance_over_test_sets() -> None:
    """Simulated: other samples from the same law give a difference that scatters so."""
    rng = np.random.default_rng(0)
    outcome = rng.choice(4, size=(4000, 200), p=[0.8, 0.1, 0.06, 0.04])  # both right, first only, second only, none
    first, second = outcome < 2, (outcome == 0) | (outcome == 2)
    scatter = (first.mean(axis=1) - second.mean(axis=1)).var()
    mean = np.mean([mcnemar_variance(a, b) for a, b in zip(first[:200], second[:200], strict=True)])
    assert mean == pytest.approx(scatter, rel=0.1)
