"""The share of simulated sweeps with a false verdict, and that in which all intervals hold."""

from typing import NamedTuple

import numpy as np

from gradexp.verdicts.difference import Difference, paired, welch
from gradexp.verdicts.holm import holm, interval
from tests.simulations.laws import Floats, Law

CHUNK = 200_000  # comparisons at once
GRAIN = 1e-12
SHARED = 2.0  # standard deviation of what the runs of one seed have in common


class Errors(NamedTuple):
    """Shares of sweeps: with any false verdict, and in which all intervals hold the true differences."""

    false: float
    covered: float


def errors(
    rng: np.random.Generator,
    repeats: int,
    law: Law,
    spreads: Floats,
    seeds: int,
    *,
    pairs: bool,
    means: Floats | None = None,
    against_first: bool = False,
    adjusted: bool = True,
) -> Errors:
    """Compare settings in many simulated sweeps.

    Args:
        rng: The random numbers.
        repeats: Sweeps.
        law: Of the scores, with mean 0.
        spreads: What multiplies the scores of each setting [settings].
        seeds: Runs of each.
        pairs: Whether runs of equal seeds are paired; they then have a part in common.
        means: True means [settings]; all 0 if None.
        against_first: Whether the settings are compared with the first, a baseline, instead of all with all.
        adjusted: Whether Holm adjusts.
    """
    settings = len(spreads)
    true = np.zeros(settings) if means is None else means
    first, second = np.triu_indices(settings, 1)
    if against_first:
        first, second = first[first == 0], second[first == 0]
    gaps = true[first] - true[second]
    false = covered = done = 0
    while done < repeats:
        number = min(max(CHUNK // len(first), 1), repeats - done)
        scores = law(rng, (number, settings, seeds)) * spreads[:, None] + true[:, None]
        if pairs:
            scores = scores + rng.normal(0, SHARED, (number, 1, seeds))
        difference: Difference = (paired if pairs else welch)(scores[:, first], scores[:, second], GRAIN)
        p = holm(difference.p) if adjusted else difference.p
        low, high = interval(difference, p, len(first) if adjusted else 1)
        # A verdict is false where the truth is zero or of the other sign.
        false += int((((low > 0) & (gaps <= 0)) | ((high < 0) & (gaps >= 0))).any(axis=1).sum())
        covered += int(((low <= gaps) & (gaps <= high)).all(axis=1).sum())
        done += number
    return Errors(false / repeats, covered / repeats)
