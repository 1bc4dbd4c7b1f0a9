"""How much of the variance between jobs each axis explains, and what axes explain only together."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradexp.sweeps.plan.repeats import KEYS

INTERACTIONS, NOISE, REST = NO_AXES = "interactions", "noise", "not explained"
EXACT = 6  # axes, all orders of which are averaged
ORDERS = 200  # of more axes
LEAST = 1e-9  # shares below are rounding

Settings = Sequence[Mapping[str, Any]]


def what_matters(settings: Settings, scores: Sequence[float]) -> dict[str, float]:
    """The shares of the variance between jobs, which add up to 1; empty if `variance_explained` is.

    After the axes come the interactions: what the combinations of the axes explain beyond the axes one by one. Where
    seeds repeat a combination, the rest is noise: what differs between its jobs beyond a seed's effect on all
    settings. With one job a combination the interactions contain it. With an axis that has a new value for every job,
    the two cannot be told apart, and the rest is "not explained".

    Args:
        settings: For each job the value of each axis; a missing axis counts as a value.
        scores: One per job.
    """
    shares = variance_explained(settings, scores)
    if not shares:
        return {}
    values = _centred(np.asarray(scores, float)[:, None])
    total = float((values**2).sum())
    varying = [axis for axis in _axes(settings) if _numbers(settings, [axis]).max() > 0]
    if any(axis not in shares and axis not in KEYS for axis in varying):
        return _with(shares, {REST: 1 - sum(shares.values())})
    repeats = [axis for axis in shares if axis in KEYS]
    cells = _numbers(settings, [axis for axis in shares if axis not in KEYS])
    within = np.hstack([values, *(_dummies(settings, axis) for axis in repeats)])
    sums = np.zeros((cells.max() + 1, within.shape[1]))
    np.add.at(sums, cells, within)
    within = within - (sums / np.bincount(cells)[:, None])[cells]
    # Frisch and Waugh (1933): what seeds explain beside the cells is what they explain within them.
    noise = (float((within[:, 0] ** 2).sum()) - _explained(within[:, 1:], within[:, 0])) / total
    noise = min(max(noise, 0.0), 1.0)
    return _with(shares, {INTERACTIONS: 1 - sum(shares.values()) - noise, NOISE: noise})


def variance_explained(settings: Settings, scores: Sequence[float]) -> dict[str, float]:
    """The share of the variance that each axis explains by itself, its main effect.

    In a balanced grid that is eta squared: the sum of squares between its values over the total one (Fisher 1925). In
    an unbalanced one, as without its diverged jobs, axes overlap, and what several explain is shared: the mean of the
    axis's sequential sum of squares over all orders of the axes (Lindeman, Merenda and Gold 1980, page 120). So the
    shares never add up to more than 1.

    Args:
        settings: For each job the value of each axis; a missing axis counts as a value.
        scores: One per job.

    Returns:
        A share from 0 to 1 for each axis with several values, the largest first. Axes with a different value for every
        job are left out; empty if all scores are equal.
    """
    values = np.asarray(scores, float)
    values = values - values.mean() if len(values) else values
    total = float((values**2).sum())
    if total == 0.0:
        return {}
    axes = [axis for axis in _axes(settings) if 0 < _numbers(settings, [axis]).max() < len(scores) - 1]
    parts = [_centred(_dummies(settings, axis)) for axis in axes]
    known: dict[frozenset[int], float] = {frozenset(): 0.0}

    def explained(chosen: frozenset[int]) -> float:
        if chosen not in known:
            known[chosen] = _explained(np.hstack([parts[number] for number in sorted(chosen)]), values) / total
        return known[chosen]

    sums = dict.fromkeys(axes, 0.0)
    orders = _orders(len(axes))
    for order in orders:
        for place, number in enumerate(order):
            before = frozenset(order[:place])
            sums[axes[number]] += explained(before | {number}) - explained(before)
    shares = {axis: min(max(share / len(orders), 0.0), 1.0) for axis, share in sums.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _with(shares: dict[str, float], rest: dict[str, float]) -> dict[str, float]:
    return shares | {name: share for name, share in rest.items() if share > LEAST}


def _axes(settings: Settings) -> list[str]:
    return list(dict.fromkeys(key for row in settings for key in row))


def _numbers(settings: Settings, axes: Sequence[str]) -> NDArray[np.int64]:
    """For each job the number of its combination of values of these axes, from 0 on [jobs]."""
    keys = [repr([row.get(axis) for axis in axes]) for row in settings]
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys])


def _dummies(settings: Settings, axis: str) -> NDArray[np.float64]:
    """For each value of an axis, 1 for its jobs, else 0: [jobs, values]."""
    numbers = _numbers(settings, [axis])
    found: NDArray[np.float64] = np.eye(numbers.max() + 1)[numbers]
    return found


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = values - values.mean(axis=0)
    return centred


def _explained(features: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Sum of squares that a linear regression on centred features [jobs, features] explains of values [jobs]."""
    if not features.size:
        return 0.0
    products = features.T @ values
    # The features depend on each other: the dummies of an axis add up to a constant.
    return float(products @ np.linalg.pinv(features.T @ features, rcond=1e-10, hermitian=True) @ products)


def _orders(number: int) -> list[tuple[int, ...]]:
    if number <= EXACT:
        return list(itertools.permutations(range(number)))
    random = np.random.default_rng(0)
    return [tuple(map(int, random.permutation(number))) for _ in range(ORDERS)]
