"""How many seeds would tell two settings apart, and which gap the present ones could tell.

The power of Student's t comes from the noncentral t distribution (Johnson, Kotz and Balakrishnan 1995, chapter 31).
"""

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from gradexp.verdicts.difference import LEVEL, Difference, critical

POWER = 0.8
MOST = 100_000  # seeds


def smallest_gap(difference: Difference, level: float = LEVEL, power: float = POWER) -> float:
    """The true gap that a comparison with these seeds and this spread finds with probability `power`.

    Args:
        difference: The comparison.
        level: Of its two-sided test.
        power: The probability.
    """
    df = difference.total_df
    # The gap in standard errors at which a noncentral t exceeds the critical value with probability `power`.
    noncentrality = special.nctdtrinc(df, 1 - power, critical(level, df))
    return float(noncentrality * difference.error)


def power_at(gap: float, spread: float, seeds: float, df: float, level: float = LEVEL, sampling: float = 0.0) -> float:
    """The probability that a two-sided t-test finds a true gap, on its own side of zero."""
    error = np.sqrt(spread**2 / seeds + sampling)
    return float(1 - special.nctdtr(df, abs(gap) / error, critical(level, df)))


def spread_interval(spread: float, df: float, level: float = 0.1) -> tuple[float, float]:
    """The interval of a normal law's standard deviation from its estimate, by the chi-square distribution.

    Args:
        spread: The estimate.
        df: Its degrees of freedom.
        level: The share of cases in which the interval misses; 0.1 for a 90 % interval.
    """
    low, high = (np.sqrt(df / stats.chi2.isf(tail, df)) for tail in (level / 2, 1 - level / 2))
    return spread * float(low), spread * float(high)


def seeds_needed(difference: Difference, gap: float, level: float = LEVEL) -> tuple[int | None, int | None, int | None]:
    """How many fresh seeds a side find a true gap with a power of 80 %: least, expected, most.

    Least and most belong to the ends of the spread's 90 % interval. None stands for no number up to 100,000: the
    test set's own part of the error, or what the runs share, may be too large for the gap.

    Args:
        difference: The comparison that gives spread and sampling error.
        gap: The gap to be found, above 0.
        level: Of the two-sided test at the fresh seeds.
    """
    present, sampling, shared = (float(part) for part in (difference.spread, difference.sampling, difference.shared))
    low, high = spread_interval(present, float(difference.df))

    def enough(spread: float) -> int | None:
        def finds(seeds: int) -> bool:
            df = (seeds - 1) * float(difference.df_per_seed)
            of_seeds = spread**2 * (1 / seeds + shared)
            df *= ((of_seeds + sampling) / of_seeds) ** 2
            return power_at(gap, spread, seeds, df, level, sampling + spread**2 * shared) >= POWER

        return _first(finds)

    return enough(low), enough(present), enough(high)


def _first(holds: Callable[[int], bool]) -> int | None:
    """The first number from 3 up for which a condition holds that holds for all larger ones; None beyond MOST."""
    low, high = 2, 3  # it does not count for `low`
    while not holds(high):
        low, high = high, 2 * high
        if low >= MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
