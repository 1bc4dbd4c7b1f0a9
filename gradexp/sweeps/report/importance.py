"""How much of the variance between jobs each axis explains."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def variance_explained(settings: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> dict[str, float]:
    """Eta squared of each axis's main effect: sum of squares between its values, over the total one (Fisher 1925).

    In a balanced grid the shares add up to at most 1, and the rest is interaction; in an unbalanced grid they may
    overlap.

    Args:
        settings: For each job the value of each axis; a missing axis counts as a value.
        scores: One per job.

    Returns:
        A share from 0 to 1 for each axis with several values, the largest first. Axes with a different value for every
        job are left out; empty if all scores are equal.
    """
    values = np.asarray(scores, float)
    total = float(np.sum((values - values.mean()) ** 2)) if len(values) else 0.0
    if total == 0.0:
        return {}
    shares = {}
    for axis in dict.fromkeys(key for row in settings for key in row):
        groups: dict[str, list[float]] = defaultdict(list)
        for row, score in zip(settings, scores, strict=True):
            groups[repr(row.get(axis))].append(score)
        if 1 < len(groups) < len(scores):
            between = sum(len(group) * (np.mean(group) - values.mean()) ** 2 for group in groups.values())
            shares[axis] = float(between) / total
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
