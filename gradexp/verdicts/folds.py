"""The variance of scores over the folds of a cross-validation, which share training samples."""

import numpy as np
from numpy.typing import ArrayLike

from gradexp.verdicts.difference import LEVEL, critical


def shared_variance(folds: int | None) -> float:
    """The part of the variance of a mean over folds that more folds or repetitions do not reduce, over s^2: 1/(k-1).

    Models of different folds are trained on mostly the same samples, so their scores are correlated, and s^2 / J is too
    small a variance of the mean of J scores. Nadeau and Bengio (2003, Machine Learning 52, section 4) put
    (1/J + n_test/n_train) s^2 in its place; k folds have n_test/n_train = 1/(k-1). Bouckaert and Frank (2004) use it
    for repeated cross-validation, with J = repetitions times k.

    Args:
        folds: How many there are; None for scores that do not come from folds, which gives 0.
    """
    return 0.0 if folds is None else 1 / (folds - 1)


def mean_interval(scores: ArrayLike, grain: float, shared: float = 0.0, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the mean of one setting's scores, Student's t.

    Args:
        scores: Two or more.
        grain: The least spread that is believed; see gradexp.verdicts.difference.grain.
        shared: See `shared_variance`.
        level: The share of cases in which the interval misses.
    """
    values = np.asarray(scores, float)
    error = max(float(values.std(ddof=1)), grain) * (1 / len(values) + shared) ** 0.5
    reach = float(critical(level, len(values) - 1)) * error
    return float(values.mean()) - reach, float(values.mean()) + reach
