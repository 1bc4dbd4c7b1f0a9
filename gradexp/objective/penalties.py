"""Penalties on the size of the weights: pure functions of one weight [outputs, inputs, ...].

A penalty is summed over all weights (see gradexp.objective.weights), not over biases. Each public function of this file
can be set in the configuration with its factor: ``regularizer.l1=1e-4``, ``+regularizer.group_lasso=1e-3``.
"""

import math

from torch import Tensor


def l1(weight: Tensor) -> Tensor:
    """The sum of |w|: a sum, not a mean (Tibshirani 1996, the lasso's penalty)."""
    return weight.abs().sum()


def l2(weight: Tensor) -> Tensor:
    """The sum of w^2: a sum without a factor 1/2 (Hoerl and Kennard 1970, the ridge's penalty).

    Its gradient is 2 w, so under plain SGD ``l2`` equals ``weight_decay = 2 * l2`` on the weights alone.
    """
    return weight.square().sum()


def group_lasso(weight: Tensor) -> Tensor:
    """The sum over inputs of ``sqrt(outputs) * |w of that input|``, which removes whole inputs from the layer.

    A group is the weights from one input, and its factor is the square root of their number (Yuan and Lin 2006). The
    gradient at a group of zeros is defined as zero.
    """
    groups = weight.flatten(1)
    squared = groups.square().sum(dim=0)
    is_zero = squared == 0
    lengths = squared.masked_fill(is_zero, 1.0).sqrt().masked_fill(is_zero, 0.0)
    return math.sqrt(groups.shape[0]) * lengths.sum()
