"""Bias, variance and noise, from the predictions of models trained on many training sets."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

BELOW_ZERO = "a bias^2 below 0 is no error: the estimate is unbiased, so it scatters to both sides of a bias of 0"


@dataclass(frozen=True)
class Decomposition:
    """The decomposition of a squared error.

    Attributes:
        bias2: Squared distance of the mean prediction from the true mean of the targets.
        variance: Mean squared distance of predictions from the mean prediction, caused by the choice of training set.
        noise: Variance of the targets; None if it is unknown, in which case bias2 includes it.
        error: Measured mean squared distance of predictions from targets.
        error_se: Standard error of `error` over the training sets.
    """

    bias2: float
    variance: float
    noise: float | None
    error: float
    error_se: float

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return self.bias2 + self.variance + (self.noise or 0.0)


@dataclass(frozen=True)
class ZeroOne:
    """The decomposition of the zero-one error.

    Attributes:
        bias: Share of points whose main prediction is wrong.
        variance: The error that predictions other than the main one add, minus the error that they correct.
        error: Share of wrong predictions.
    """

    bias: float
    variance: float
    error: float


def of_squared_error(predictions: Tensor, truth: Tensor, targets: Tensor, noise: float | None) -> Decomposition:
    """Decompose ``E |prediction - target|^2`` into bias^2 + variance + noise (Geman, Bienenstock and Doursat 1992).

    Both estimates are unbiased: the variance is divided by R - 1 for R models, and bias^2 is reduced by variance / R,
    the variance of the mean of R predictions.

    For a classifier, predictions are probabilities and targets one-hot; the error is the Brier score (Brier 1950), with
    the same decomposition (Yang, Yu, You, Steinhardt and Ma 2020). Label noise cannot be separated from bias if the
    distribution of the data is unknown, and is counted as bias.

    Args:
        predictions: Predictions of each model at each point [models, points, numbers].
        truth: True means of the targets, or the targets if the means are unknown [points, numbers].
        targets: Targets, drawn separately for each model or once for all [models or 1, points, numbers].
        noise: Variance of each number of a target around its mean; None if it is unknown.
    """
    models, _, numbers = predictions.shape
    p, t, y = predictions.double(), truth.double(), targets.double()
    mean = p.mean(dim=0)
    variance = (p - mean).square().sum(dim=2).sum(dim=0) / (models - 1)
    bias2 = (mean - t).square().sum(dim=1) - variance / models
    errors = (p - y).square().sum(dim=2).mean(dim=1)
    return Decomposition(
        bias2=bias2.mean().item(),
        variance=variance.mean().item(),
        noise=None if noise is None else noise * numbers,
        error=errors.mean().item(),
        error_se=(errors.std() / models**0.5).item(),
    )


def of_probabilities(probabilities: Tensor, classes: Tensor) -> Decomposition:
    """`of_squared_error` for a classifier: probabilities [models, points, classes] and true classes [points]."""
    one_hot = F.one_hot(classes, probabilities.shape[2])
    return of_squared_error(probabilities, one_hot, one_hot.unsqueeze(0), noise=None)


def of_votes(votes: Tensor, classes: Tensor) -> ZeroOne:
    """Decompose the zero-one error of predicted classes [models, points] for true classes [points] (Domingos 2000).

    The main prediction is the class that most models predict (the first of several such classes). At a point where it
    is right, other predictions add error; where it is wrong, predictions of the right class reduce the error. See "A
    unified bias-variance decomposition".
    """
    main = votes.mode(dim=0).values
    is_right = main == classes
    added = (votes != main).double().mean(dim=0)
    corrected = (votes == classes).double().mean(dim=0)
    return ZeroOne(
        bias=(~is_right).double().mean().item(),
        variance=torch.where(is_right, added, -corrected).mean().item(),
        error=(votes != classes).double().mean().item(),
    )
