"""Activations, their derivatives, and where they saturate."""

import torch
from torch.autograd import grad

from gradexp.explain.lesson import Lesson
from gradexp.figures import Curve, functions_and_derivatives
from gradexp.gradients import activations as closed

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "softplus")
REACH = 8


def activations(lesson: Lesson) -> None:
    """Each derivative over a range of inputs, its peak, and the share of the range where it is under 1 % of that."""
    x = torch.arange(-100 * REACH, 100 * REACH + 1, dtype=torch.float64) / 100
    curves = []
    for name in NAMES:
        free = x.clone().requires_grad_()
        values = getattr(torch.nn.functional, name)(free)
        (found,) = grad(values.sum(), free)
        slopes = getattr(closed, f"{name}_derivative")(x)
        flat = closed.is_saturated(slopes)
        lesson.say(f"{name}, from x = {-REACH} to {REACH}:")
        lesson.hold("largest difference of derivative and autograd", (slopes - found).abs().max(), 0.0, by="expected")
        lesson.hold("the derivative's peak", slopes.max(), found.max())
        lesson.show("  at x", x[slopes.argmax()])
        lesson.show("  under 1 % of it", _spans(x, flat))
        curves.append(Curve(name, x.numpy(), getattr(closed, name)(x).numpy(), slopes.numpy(), flat.numpy()))
    label = "x; shaded: the derivative is under 1 % of its peak"
    lesson.figures["explain/activations"] = functions_and_derivatives(curves, label)


def _spans(x: torch.Tensor, flat: torch.Tensor) -> str:
    """The ranges of x where `flat` holds."""
    edges = torch.diff(flat.int(), prepend=torch.zeros(1, dtype=torch.int), append=torch.zeros(1, dtype=torch.int))
    starts, ends = (edges == 1).nonzero().flatten(), (edges == -1).nonzero().flatten() - 1
    return ", ".join(f"{x[a]:.2f} to {x[b]:.2f}" for a, b in zip(starts, ends, strict=True)) or "nowhere"
