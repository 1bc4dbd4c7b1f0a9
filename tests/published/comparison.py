"""Whether fresh values differ from the published ones."""

from collections.abc import Sequence

from scipy.stats import ttest_ind

LEVEL = 0.05


def holm(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which hypotheses are rejected at a level that holds for all of them together (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    rejected = [False] * len(p_values)
    for rank, index in enumerate(order):
        if not p_values[index] <= level / (len(p_values) - rank):  # also NaN, of values without any spread
            break
        rejected[index] = True
    return rejected


def differs(published: Sequence[float], fresh: Sequence[float]) -> float:
    """The p-value of Welch's t-test; without any spread 1 for equal values and 0 for others."""
    if len({*published, *fresh}) == 1:
        return 1.0
    if len(set(published)) == len(set(fresh)) == 1:
        return 0.0
    return float(ttest_ind(published, fresh, equal_var=False).pvalue)
