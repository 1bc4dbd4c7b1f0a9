"""When a trial is cut short: its best score so far is worse than the median of the earlier trials at the same epoch.

The rule is Optuna's MedianPruner, after Golovin et al. (2017), "Google Vizier", section 3.2.2. Only first seeds are
compared, as further seeds are of the best trials alone.
"""

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

ENOUGH = 5  # trials before the rule compares


def thresholds(curves: Sequence[Sequence[float]], sign: int) -> list[float] | None:
    """For each validation the median of the best scores so far; None with too few trials for it.

    Args:
        curves: The monitor at each validation of the trials that were not cut short.
        sign: 1 where higher is better, else -1.
    """
    if len(curves) < ENOUGH:
        return None
    best = [list(accumulate(curve, max if sign > 0 else min)) for curve in curves]
    longest = max(map(len, best))
    found = []
    for place in range(longest - 1):  # after the last one there is nothing to cut
        there = [curve[place] for curve in best if len(curve) > place]
        if len(there) < ENOUGH:
            break
        found.append(float(f"{median(there):.6g}"))
    return found


def was_pruned(given: Sequence[float] | None, validations: int, score: float | None, sign: int) -> bool:
    """Whether the thresholds that a job was given have cut it short.

    Args:
        given: The thresholds; None for a job without any.
        validations: After how many validations it ended.
        score: Its best score.
        sign: 1 where higher is better, else -1.
    """
    if not given or score is None or not 0 < validations <= len(given):
        return False
    return sign * score < sign * given[validations - 1]
