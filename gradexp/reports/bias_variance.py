"""Bias, variance and noise, from the predictions of models that were trained on many training sets."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Decomposition:
    """An error, split.

    Attributes:
        bias2: Squared distance of the mean prediction from the truth: what no sample of this size would teach.
        variance: Mean squared distance of a prediction from the mean one: what comes of the training set at hand.
        noise: Variance of the targets; None where it is unknown, and then part of bias2.
        error: Mean squared distance of predictions from targets, as measured.
        error_se: Its standard error over the training sets.
    """

    bias2: float
    variance: float
    noise: float | None
    error: float
    error_se: float

    @property
    def total(self) -> float:
        """What the parts add up to."""
        return self.bias2 + self.variance + (self.noise or 0.0)


@dataclass(frozen=True)
class ZeroOne:
    """The share of mistakes, split.

    Attributes:
        bias: Share of points whose main prediction is wrong.
        variance: What single predictions that differ from the main one add, net of what they mend.
        error: Share of wrong predictions.
    """

    bias: float
    variance: float
    error: float


def of_squared_error(predictions: Tensor, truth: Tensor, targets: Tensor, noise: float | None) -> Decomposition:
    """Split ``E |prediction - target|^2`` into bias^2 + variance + noise (Geman, Bienenstock and Doursat 1992).

    The mean of R predictions is itself off by a share 1 / R of the variance, which is taken off bias^2; the variance
    has the divisor R - 1: so neither is too large or too small in expectation.

    For classifiers predictions are probabilities and targets one-hot: the squared-probability (Brier 1950) loss, split
    in the same way (Yang, Yu, You, Steinhardt and Ma 2020). There, as for all data whose law is unknown, what the
    labels have of chance cannot be told from bias, and is counted as that.

    Args:
        predictions: Of each model at each point [models, points, numbers].
        truth: What targets are on the mean; the targets themselves where that is unknown [points, numbers].
        targets: Measured anew for every model, or once for all [models or 1, points, numbers].
        noise: Variance of the targets around the truth, in each number; None where it is unknown.
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
    """The same of a classifier: probabilities [models, points, classes] against class numbers [points]."""
    one_hot = F.one_hot(classes, probabilities.shape[2])
    return of_squared_error(probabilities, one_hot, one_hot.unsqueeze(0), noise=None)


def of_votes(votes: Tensor, classes: Tensor) -> ZeroOne:
    """Split the share of mistakes after Domingos 2000, "A unified bias-variance decomposition".

    The main prediction is the class that most models vote for (of equally many, the first). Where it is right, every
    other vote is a mistake more; where it is wrong, every vote for the right class is one less.

    Args:
        votes: Class numbers that the models predict [models, points].
        classes: True class numbers [points].
    """
    main = votes.mode(dim=0).values
    is_right = main == classes
    strays = (votes != main).double().mean(dim=0)
    mended = (votes == classes).double().mean(dim=0)
    return ZeroOne(
        bias=(~is_right).double().mean().item(),
        variance=torch.where(is_right, strays, -mended).mean().item(),
        error=(votes != classes).double().mean().item(),
    )
