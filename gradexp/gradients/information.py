"""Entropy and divergence of discrete distributions, in bits, and their gradients."""

import math

import torch
from torch import Tensor


def entropy(p: Tensor) -> Tensor:
    """-sum p log2 p over the last dimension, 0 log 0 being 0 (Shannon 1948): 2 bits for four equal outcomes.

    Args:
        p: Probabilities [..., outcomes].
    """
    terms: Tensor = torch.special.xlogy(p, p)
    return -terms.sum(dim=-1) / math.log(2)


def entropy_gradient(p: Tensor) -> Tensor:
    """-log2 p - 1 / ln 2, of p as free numbers; infinite at 0."""
    return -p.log2() - 1 / math.log(2)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """-sum p log2 q: the length of messages from p in the best code for q; it is the entropy of p plus KL(p, q)."""
    terms: Tensor = torch.special.xlogy(p, q)
    return -terms.sum(dim=-1) / math.log(2)


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    """The sum of p log2(p / q) over the last dimension, 0 for equal ones alone, else above (Kullback and Leibler 1951).

    Args:
        p: Probabilities [..., outcomes].
        q: Probabilities [..., outcomes], those that p is described by.
    """
    return cross_entropy(p, q) - entropy(p)


def kl_divergence_gradient(p: Tensor, q: Tensor) -> Tensor:
    """With respect to q, as free numbers: -p / (q ln 2)."""
    return -p / (q * math.log(2))
