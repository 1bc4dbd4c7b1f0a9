"""Entropy and divergence of discrete distributions, in bits, and their gradients.

Probabilities are [..., outcomes]; sums are over the last dimension.
"""

import math

import torch
from torch import Tensor


def entropy(p: Tensor) -> Tensor:
    """-sum p log2 p, with 0 log 0 = 0 (Shannon 1948): 2 bits for four equal outcomes."""
    terms: Tensor = torch.special.xlogy(p, p)
    return -terms.sum(dim=-1) / math.log(2)


def entropy_gradient(p: Tensor) -> Tensor:
    """-log2 p - 1 / ln 2, with p not constrained to sum to 1; infinite at 0."""
    return -p.log2() - 1 / math.log(2)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """-sum p log2 q, the mean length of messages from p in the best code for q; equals entropy(p) + KL(p, q)."""
    terms: Tensor = torch.special.xlogy(p, q)
    return -terms.sum(dim=-1) / math.log(2)


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    """The sum of p log2(p / q), for an approximation q of p (Kullback and Leibler 1951): 0 if equal, else above 0."""
    return cross_entropy(p, q) - entropy(p)


def kl_divergence_gradient(p: Tensor, q: Tensor) -> Tensor:
    """With respect to q, not constrained to sum to 1: -p / (q ln 2)."""
    return -p / (q * math.log(2))
