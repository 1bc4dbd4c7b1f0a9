"""How often the interval of the chance to beat holds the true chance."""

from functools import cache

import numpy as np
from scipy import special

from gradexp.verdicts.superiority import superiority_interval


def coverage(rng: np.random.Generator, repeats: int, chance: float, seeds: int) -> float:
    """The share of simulated pairs of normal settings in which the interval holds.

    Args:
        rng: The random numbers.
        repeats: Pairs of settings.
        chance: The true chance that a run of the one beats one of the other.
        seeds: Runs of each.
    """
    ends = cache(lambda share: superiority_interval(share, seeds, seeds))
    gap = np.sqrt(2) * special.ndtri(chance)
    one, other = rng.normal(gap, 1, (repeats, seeds, 1)), rng.normal(0, 1, (repeats, 1, seeds))
    shares = (one > other).mean(axis=(1, 2))
    intervals = [ends(float(share)) for share in shares]
    return float(np.mean([low <= chance <= high for low, high in intervals]))
