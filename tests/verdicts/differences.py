"""Differences for the tests."""

import numpy as np

from gradexp.verdicts.difference import Difference


def difference(value: float, spread: float, seeds: int, sampling: float = 0.0) -> Difference:
    """Of pairs."""
    arrays = (np.asarray(number, float) for number in (value, spread, seeds - 1, 1.0))
    gap, scatter, df, per_seed = arrays
    return Difference(gap, scatter, seeds, df, per_seed, True, sampling)
