"""The chance that a fresh run of one setting beats a fresh run of another."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from gradexp.verdicts.difference import LEVEL

TINY = 1e-9


def superiority(first: ArrayLike, second: ArrayLike) -> float:
    """The share of pairs, one run of each side, in which the first is larger, ties half (Vargha and Delaney 2000).

    It is the statistic U of Mann and Whitney over the number of pairs.
    """
    one, other = np.asarray(first, float)[:, None], np.asarray(second, float)[None, :]
    return float(np.mean((one > other) + 0.5 * (one == other)))


def superiority_interval(share: float, first: int, second: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of Newcombe (2006, Statistics in Medicine 25, part 2, method 5).

    The variance is that of Hanley and McNeil (1982) with the mean number of runs on both sides, taken at the interval's
    end, not at the estimate: so it is neither empty nor leaves [0, 1] where all runs of one side win. Runs of equal
    seeds are positively correlated, which makes it wider than needed.

    Args:
        share: The estimate, from `superiority`.
        first: Runs of the first side.
        second: Runs of the second side.
        level: The share of cases in which the interval misses.
    """
    z2 = float(special.ndtri(1 - level / 2)) ** 2
    further = (first + second) / 2 - 1

    def excess(theta: float) -> float:
        inner = 1 + further * (1 - theta) / (2 - theta) + further * theta / (1 + theta)
        return (share - theta) ** 2 - z2 * theta * (1 - theta) * inner / (first * second)

    # Where all runs of one side win, the estimate itself solves the equation; the interval's end is the other root.
    low = 0.0 if share == 0 else float(optimize.brentq(excess, 0, min(share, 1 - TINY)))
    high = 1.0 if share == 1 else float(optimize.brentq(excess, max(share, TINY), 1))
    return low, high
