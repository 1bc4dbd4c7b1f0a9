"""The verdict on a difference, from its interval."""

from enum import StrEnum


class Verdict(StrEnum):
    """What can be said of the first setting beside the second; the values are the words that users read."""

    BETTER = "better"
    WORSE = "worse"
    WITHIN_NOISE = "within noise"
    CANNOT_TELL = "cannot tell yet"


def verdict(low: float, high: float, delta: float, sign: int) -> Verdict:
    """The verdict from the interval of the difference.

    A difference that is not zero is better or worse however small it is; `delta` counts where zero is possible.

    Args:
        low: Lower end of the interval.
        high: Upper end.
        delta: Differences up to this size count as none; the whole interval must lie within.
        sign: 1 where a higher score is better, else -1.
    """
    if low > 0 or high < 0:
        return Verdict.BETTER if (low > 0) == (sign > 0) else Verdict.WORSE
    return Verdict.WITHIN_NOISE if -delta < low and high < delta else Verdict.CANNOT_TELL
