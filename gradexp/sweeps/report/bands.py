"""A mean over the seeds of a setting with its bands: standard deviation, 95 % interval, minimum to maximum."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gradexp.sweeps.report.comparison.pair import JUDGED
from gradexp.verdicts.difference import LEVEL

SPREAD, INTERVAL, EXTREMES = "std. deviation", "95 % interval", "min to max"

Numbers = list[float | None]


@dataclass(frozen=True)
class Band:
    """Points along an axis; None where a number does not exist.

    Attributes:
        seeds: How many seeds each point has.
        mean: [points].
        edges: Lower and upper edge [points] of each kind of band: the mean plus and minus one standard deviation, from
            two seeds on; Student's 95 % interval of the mean, from three seeds on; the least and the largest score.
            Kinds that no point has are left out; empty if no point has two seeds.
        jobs: For each point, the scores of its jobs.
    """

    seeds: list[int]
    mean: Numbers
    edges: dict[str, tuple[Numbers, Numbers]]
    jobs: list[list[float]]

    @property
    def spread(self) -> Numbers:
        """Standard deviation over the seeds, half the width of its band [points]."""
        low, high = self.edges.get(SPREAD, ([None] * len(self.mean),) * 2)
        halves = zip(low, high, strict=True)
        return [None if one is None or other is None else (other - one) / 2 for one, other in halves]


def band(points: Sequence[Sequence[float]], shared: float = 0.0) -> Band:
    """The band of points, each with the scores of its seeds, of any number; `shared` as for `band_of`."""
    values = np.full((max(map(len, points), default=0), len(points)), np.nan)
    for number, scores in enumerate(points):
        values[: len(scores), number] = scores
    return band_of(values, shared)


def band_of(values: NDArray[np.float64], shared: float = 0.0) -> Band:
    """The band of scores [seeds, points]; scores that are not finite are left out.

    Args:
        values: The scores, of seeds or of folds.
        shared: What folds have in common; see gradexp.verdicts.folds.shared_variance.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    seeds = np.isfinite(values).sum(axis=0)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.filterwarnings("ignore", category=RuntimeWarning)  # of points without a score, which stay NaN
        mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
        least, largest = np.nanmin(values, axis=0, initial=np.inf), np.nanmax(values, axis=0, initial=-np.inf)
        reach = stats.t.isf(LEVEL / 2, np.maximum(seeds - 1, 1)) * spread * np.sqrt(1 / seeds + shared)
    spread = np.where(seeds > 1, spread, np.nan)
    reach = np.where(seeds >= JUDGED, reach, np.nan)
    found = {
        SPREAD: (mean - spread, mean + spread),
        INTERVAL: (mean - reach, mean + reach),
        EXTREMES: (least, largest),
    }
    fewest = {SPREAD: 2, INTERVAL: JUDGED, EXTREMES: 2}
    edges = {
        kind: (_plain(low), _plain(high)) for kind, (low, high) in found.items() if seeds.max(initial=0) >= fewest[kind]
    }
    jobs = [[float(score) for score in column if np.isfinite(score)] for column in values.T]
    return Band(seeds.tolist(), _plain(mean), edges, jobs)


def _plain(values: NDArray[np.float64]) -> Numbers:
    return [float(value) if np.isfinite(value) else None for value in values]
