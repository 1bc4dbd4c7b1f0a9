"""Closed forms of the gradient of a loss at the outputs."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.gradients import losses
from gradexp.objective.losses import (
    BinaryCrossEntropy,
    ClassWeightedLoss,
    CrossEntropy,
    HalfSquaredError,
    Hinge,
)

Gradient = Callable[[Any, Tensor, Tensor], Tensor]  # of the loss, outputs and targets


def output_gradient(loss: nn.Module | None, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """The gradient of a loss at the outputs [batch, ...]; None if CLOSED_FORMS lacks it.

    Args:
        loss: The loss.
        outputs: [batch, ...].
        targets: In the form that the loss expects.
    """
    closed_form = CLOSED_FORMS.get(type(loss))
    if closed_form is None or getattr(loss, "reduction", "mean") != "mean":
        return None
    gradient = closed_form(loss, outputs, targets)
    if isinstance(loss, ClassWeightedLoss) and loss.class_weight is not None:
        classes = targets if targets.ndim == 1 else targets.squeeze(1)
        shares: Tensor = loss.class_weight[classes.long()].to(gradient)
        return gradient * shares.unsqueeze(1)
    return gradient


def _cross_entropy(loss: Any, logits: Tensor, classes: Tensor) -> Tensor:
    """(p - q) / n, where q is the one-hot classes after label smoothing."""
    num_classes = logits.shape[1]
    one_hot = nn.functional.one_hot(classes, num_classes).to(logits)
    smoothed: Tensor = loss.label_smoothing * (one_hot - 1 / num_classes)
    return losses.cross_entropy_gradient(logits, classes) + smoothed / len(logits)


def _binary_cross_entropy(loss: Any, outputs: Tensor, targets: Tensor) -> Tensor:
    probabilities = outputs.sigmoid() if loss.from_logits else outputs
    gradient = (probabilities - targets) / outputs.numel()
    return gradient if loss.from_logits else gradient / (outputs * (1 - outputs))


def _hinge(loss: Any, outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape[1] == 1:
        return losses.hinge_gradient(outputs, targets)
    one_hot = nn.functional.one_hot(targets, outputs.shape[1])
    others = outputs.masked_fill(one_hot.bool(), -torch.inf)
    is_within_margin = 1 - (outputs * one_hot).sum(dim=1, keepdim=True) + others.amax(dim=1, keepdim=True) > 0
    rival = nn.functional.one_hot(others.argmax(dim=1), outputs.shape[1])
    return (rival - one_hot).to(outputs) * is_within_margin / len(outputs)


CLOSED_FORMS: Mapping[type, Gradient] = {
    CrossEntropy: _cross_entropy,
    BinaryCrossEntropy: _binary_cross_entropy,
    Hinge: _hinge,
    HalfSquaredError: lambda _, outputs, targets: (outputs - targets) / len(outputs),
    nn.MSELoss: lambda _, outputs, targets: losses.mse_gradient(outputs, targets),
    nn.L1Loss: lambda _, outputs, targets: losses.l1_gradient(outputs, targets),
    nn.HuberLoss: lambda loss, outputs, targets: losses.huber_gradient(outputs, targets, loss.delta),
}
