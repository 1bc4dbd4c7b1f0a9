"""Elementwise activations, each followed by its derivative."""

import math

import torch
from torch import Tensor


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)); computed as exp(x) / (1 + exp(x)) for negative x, against overflow."""
    small = torch.exp(-x.abs())
    return torch.where(x >= 0, 1 / (1 + small), small / (1 + small))


def sigmoid_derivative(x: Tensor) -> Tensor:
    """s(x) (1 - s(x)), at most 1/4, at 0 (Rumelhart, Hinton and Williams 1986)."""
    return sigmoid(x) * sigmoid(-x)


def tanh(x: Tensor) -> Tensor:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 s(2x) - 1."""
    return torch.tanh(x)


def tanh_derivative(x: Tensor) -> Tensor:
    """1 - tanh(x)^2 = 4 s(2x) s(-2x), at most 1, at 0; the second form stays precise where tanh is near 1."""
    return 4 * sigmoid(2 * x) * sigmoid(-2 * x)


def relu(x: Tensor) -> Tensor:
    """max(0, x) (Nair and Hinton 2010)."""
    return x.clamp(min=0)


def relu_derivative(x: Tensor) -> Tensor:
    """0 below zero, 1 above; 0 at zero by convention, as in torch."""
    return (x > 0).to(x.dtype)


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """``x`` above zero, ``slope * x`` below (Maas, Hannun and Ng 2013)."""
    return torch.where(x > 0, x, slope * x)


def leaky_relu_derivative(x: Tensor, slope: float = 0.01) -> Tensor:
    """1 above zero, `slope` at zero and below."""
    return torch.where(x > 0, torch.ones_like(x), torch.full_like(x, slope))


def gelu(x: Tensor) -> Tensor:
    """``x Phi(x)``, Phi being the standard normal distribution function (Hendrycks and Gimpel 2016)."""
    return x * _normal_distribution(x)


def gelu_derivative(x: Tensor) -> Tensor:
    """Phi(x) + x phi(x), phi being the standard normal density: slightly negative below -0.75, above 1 beyond 0.75."""
    return _normal_distribution(x) + x * torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)


def softplus(x: Tensor) -> Tensor:
    """ln(1 + exp(x)) (Dugas et al. 2001), computed as max(x, 0) + ln(1 + exp(-|x|)), against overflow."""
    return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))


def softplus_derivative(x: Tensor) -> Tensor:
    """The sigmoid."""
    return sigmoid(x)


def softmax(logits: Tensor) -> Tensor:
    """p_i = exp(z_i) / sum_j exp(z_j), of logits z [..., classes]; the largest is subtracted, against overflow."""
    powers = torch.exp(logits - logits.amax(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)


def softmax_jacobian(logits: Tensor) -> Tensor:
    """dp_i / dz_j = p_i (delta_ij - p_j) (Bridle 1990) [..., classes, classes], i before j, of logits [..., classes].

    Each row and each column sums to zero.
    """
    p = softmax(logits)
    return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)


def is_saturated(derivative: Tensor, share: float = 0.01) -> Tensor:
    """Where a derivative [points] is below that share of its maximum, so that little of a gradient passes."""
    return derivative.abs() < share * derivative.abs().max()


def _normal_distribution(x: Tensor) -> Tensor:
    phi: Tensor = torch.special.ndtr(x)
    return phi
