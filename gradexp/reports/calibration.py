"""Calibration: whether a classifier is right as often as it is confident."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """A reliability diagram.

    Attributes:
        confidence: Mean confidence of each bin with samples [filled bins].
        accuracy: Share of these samples that are right [filled bins].
        counts: Their number [filled bins].
        error: The expected calibration error: the mean of |accuracy - confidence| over the bins, weighted by samples.
    """

    confidence: list[float]
    accuracy: list[float]
    counts: list[int]
    error: float


def calibration(probabilities: NDArray[np.floating], targets: NDArray[np.integer], bins: int = BINS) -> Calibration:
    """The reliability diagram of the predicted classes, in bins of equal width over (0, 1].

    Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", equations 2 and 3. The confidence
    is the probability of the predicted class.

    Args:
        probabilities: [samples, classes].
        targets: Class numbers [samples].
        bins: How many bins there are.
    """
    confidence = probabilities.max(axis=1).astype(float)
    right = probabilities.argmax(axis=1) == targets
    numbers = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    filled = counts > 0
    means = [np.bincount(numbers, weights=one, minlength=bins)[filled] / counts[filled] for one in (confidence, right)]
    weights = counts[filled] / max(len(targets), 1)
    error = float((weights * np.abs(means[1] - means[0])).sum())
    return Calibration(means[0].tolist(), means[1].tolist(), counts[filled].tolist(), error)
