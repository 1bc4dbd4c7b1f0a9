"""Penalties on the size of the weights: pure functions of named parameters.

A penalty takes the weights and leaves the biases alone. Weights are the parameters of two or more dimensions; those of
one dimension are biases and the scales of normalisation layers.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

NamedParameters = Iterable[tuple[str, Tensor]]


def weights(parameters: NamedParameters) -> list[Tensor]:
    """The parameters that penalties take."""
    return [parameter for _, parameter in parameters if parameter.ndim >= 2]


def l1(parameters: NamedParameters) -> Tensor:
    """The sum of |w| over all weights: a sum, not a mean (Tibshirani 1996, the lasso's penalty)."""
    return _total([weight.abs().sum() for weight in weights(parameters)])


def l2(parameters: NamedParameters) -> Tensor:
    """The sum of w^2 over all weights: a sum without a factor 1/2 (Hoerl and Kennard 1970, the ridge's penalty).

    Its gradient is 2 w, so under plain SGD ``l2`` acts as ``weight_decay = 2 * l2`` does, but on the weights alone.
    """
    return _total([weight.square().sum() for weight in weights(parameters)])


def _total(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).sum() if terms else torch.zeros(())
