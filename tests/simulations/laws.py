"""Laws of scores over seeds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Law = Callable[[np.random.Generator, tuple[int, ...]], Floats]

FAILING = 0.1  # share of the seeds that fail
DROP = 10.0  # standard deviations by which these are worse


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.normal(size=shape)


def failing(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Normal, but one seed in ten is far worse, as where a class dies; of mean 0."""
    return rng.normal(size=shape) - DROP * (rng.uniform(size=shape) < FAILING) + DROP * FAILING


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return 1 - rng.exponential(size=shape)


LAWS: dict[str, Law] = {"normal": normal, "failing seeds": failing, "skewed": skewed}


def spreads(kind: str, settings: int) -> Floats:
    """Standard deviations of the settings: equal, every other one three times as large, or from 1 to 10."""
    if kind == "equal":
        return np.ones(settings)
    if kind == "one in two":
        return np.where(np.arange(settings) % 2, 3.0, 1.0)
    return np.geomspace(1.0, 10.0, settings)


SPREADS = ("equal", "one in two", "1 to 10")
