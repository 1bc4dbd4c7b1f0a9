"""What a finite test set leaves open: the interval of one accuracy, and the error of a difference of two."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradexp.verdicts.difference import LEVEL


def wilson(right: float, samples: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927): where the accuracy on other samples of the same kind lies.

    Args:
        right: How many samples were right.
        samples: How many there were, 1 or more.
        level: The share of cases in which the interval misses.
    """
    z = float(special.ndtri(1 - level / 2))
    share = right / samples
    centre = (share + z**2 / (2 * samples)) / (1 + z**2 / samples)
    reach = z * np.sqrt(share * (1 - share) / samples + z**2 / (4 * samples**2)) / (1 + z**2 / samples)
    return max(float(centre - reach), 0.0), min(float(centre + reach), 1.0)


def mcnemar_variance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """The variance of a difference of two accuracies that comes from the choice of the common test samples.

    For one model a side it is McNemar's (1947): (b + c - (b - c)^2 / n) / n^2, with b samples that only the first has
    right, and c that only the second has. With several runs a side it is the variance over the samples of the
    difference of their mean correctness, over n. Never below that of one sample on which they disagree: agreement on
    all samples is no proof.

    Args:
        first: Of each sample, the share of the first side's runs that had it right [samples].
        second: Likewise of the second side [samples].
    """
    gaps = np.asarray(first, float) - np.asarray(second, float)
    return max(float(gaps.var()) / len(gaps), 1 / len(gaps) ** 2)
