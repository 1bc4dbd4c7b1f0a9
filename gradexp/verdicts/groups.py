"""Whether the seeds of a setting fall into two groups, as where one run of ten has a dead class."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

LEAST = 5  # seeds
FALSE_ALARMS = 0.01  # of settings whose scores follow one normal law


def two_groups(scores: Sequence[float], grain: float) -> tuple[int, int] | None:
    """The numbers of seeds in the lower and the upper group; None if the scores look like one group.

    The statistic is the largest gap between two neighbouring scores, over the standard deviation within the two groups
    that it separates (after the largest gap of Dixon 1950 and the maximal separation of Engelman and Hartigan 1969).
    Its critical value is that of normal scores, by simulation, for one false alarm in a hundred settings.

    Args:
        scores: Of one setting, one a seed.
        grain: The least spread that is believed; see gradexp.verdicts.difference.grain.
    """
    ordered = np.sort(np.asarray(scores, float))
    if len(ordered) < LEAST or not np.isfinite(ordered).all():
        return None
    separations = _separations(ordered[None], grain)[0]
    lower = int(separations.argmax()) + 1
    if separations[lower - 1] <= _critical(len(ordered)):
        return None
    return lower, len(ordered) - lower


def _separations(ordered: NDArray[np.float64], grain: float) -> NDArray[np.float64]:
    """For each place to split sorted scores [settings, seeds], gap over spread within: [settings, seeds - 1]."""
    seeds = ordered.shape[1]
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    lower = np.arange(1, seeds)
    sums, squares = centred.cumsum(axis=1)[:, :-1], (centred**2).sum(axis=1, keepdims=True)
    # The sums of the two groups are opposite, as the scores are centred.
    within = np.maximum(squares - sums**2 * (1 / lower + 1 / (seeds - lower)), 0.0)
    spread = np.maximum(np.sqrt(within / (seeds - 2)), grain)
    found: NDArray[np.float64] = np.diff(ordered, axis=1) / spread
    return found


@cache
def _critical(seeds: int) -> float:
    normal = np.random.default_rng(0).normal(size=(20_000, seeds))
    largest = _separations(np.sort(normal, axis=1), 0.0).max(axis=1)
    return float(np.quantile(largest, 1 - FALSE_ALARMS))
