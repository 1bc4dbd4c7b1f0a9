"""Settings whose seeds fall into two groups."""

import numpy as np
import pytest

from gradexp.verdicts.groups import _separations, two_groups


@pytest.mark.parametrize(
    ("scores", "groups"),
    [
        ([0.98, 0.979, 0.981, 0.98, 0.982, 0.978, 0.88, 0.979, 0.98, 0.981], (1, 9)),  # a dead class in one run of ten
        ([0.98, 0.98, 0.98, 0.98, 0.78], (1, 4)),  # the others are equal: they spread by a sample
        ([0.88, 0.98, 0.981, 0.879, 0.88, 0.979], (3, 3)),
        ([0.1] * 4 + [5.0], (4, 1)),
        ([0.9, 0.91, 0.92, 0.93, 0.94], None),
        ([0.98, 0.98, 0.98, 0.98, 0.979], None),  # one sample apart
        ([0.98, 0.98, 0.98, 0.1], None),  # four seeds are too few
        ([0.98] * 10, None),
        ([], None),
    ],
)
def test_groups_are_found(scores: list[float], groups: tuple[int, int] | None) -> None:
    assert two_groups(scores, 0.001) == groups


def test_the_spread_is_that_within_the_two_groups() -> None:
    ordered = np.array([[1.0, 2.0, 10.0, 11.0, 12.0]])
    # Split after two: deviations of 0.5 twice, and of 1 twice, over 5 - 2 degrees of freedom.
    assert _separations(ordered, 0.0)[0][1] == pytest.approx(8 / np.sqrt((0.5 + 2) / 3))


@pytest.mark.parametrize("seeds", [5, 10])
def test_few_settings_with_normal_scores_are_called_so(seeds: int) -> None:
    draws = np.random.default_rng(1).normal(size=(2000, seeds))
    assert np.mean([two_groups(row, 1e-9) is not None for row in draws]) == pytest.approx(0.01, abs=0.008)
