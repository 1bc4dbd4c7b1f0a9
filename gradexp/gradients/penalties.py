"""Gradients of the penalties in gradexp.objective.penalties, and the l1 penalty's proximal step."""

import math

import torch
from torch import Tensor


def l1_gradient(weight: Tensor) -> Tensor:
    """sign(w), for sum |w|; 0 at zero, as in torch, where every number from -1 to 1 is a subgradient."""
    return weight.sign()


def l2_gradient(weight: Tensor) -> Tensor:
    """2 w, for sum w^2."""
    return 2 * weight


def group_lasso_gradient(weight: Tensor) -> Tensor:
    """sqrt(outputs) w / |w of its input|; 0 where the group is zero by convention."""
    lengths = weight.square().sum(dim=0, keepdim=True).sqrt()
    return math.sqrt(len(weight)) * torch.where(lengths > 0, weight / lengths.clamp(min=1e-300), 0.0)


def soft_threshold(weight: Tensor, threshold: float | Tensor) -> Tensor:
    """sign(w) max(|w| - threshold, 0): argmin_u threshold * |u| + (u - w)^2 / 2, which gives exact zeros.

    With threshold lr * l1 it is the proximal step after a gradient step on the loss (Daubechies et al. 2004).
    """
    return weight.sign() * (weight.abs() - threshold).clamp(min=0)
