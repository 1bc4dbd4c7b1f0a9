"""Gradients of the penalties of gradexp.penalties, and the l1 penalty's proximal step."""

from torch import Tensor


def l1_gradient(weight: Tensor) -> Tensor:
    """sign(w), of sum |w|; at zero, where every number from -1 to 1 is a subgradient, 0, torch's choice too."""
    return weight.sign()


def l2_gradient(weight: Tensor) -> Tensor:
    """2 w, of sum w^2."""
    return 2 * weight


def soft_threshold(weight: Tensor, threshold: float) -> Tensor:
    """sign(w) max(|w| - threshold, 0): argmin_u threshold * |u| + (u - w)^2 / 2, which gives exact zeros.

    With threshold lr * l1 it is the proximal step that follows a gradient step on the loss (Daubechies et al. 2004).
    """
    return weight.sign() * (weight.abs() - threshold).clamp(min=0)
