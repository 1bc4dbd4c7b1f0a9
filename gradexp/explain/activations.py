"""Activations, their derivatives, and where they saturate."""

import torch
from torch.autograd import grad

from gradexp.explain.lesson import SHADED, Lesson
from gradexp.figures import Curve, functions_and_derivatives
from gradexp.gradients import activations as closed

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "softplus")
LIMIT = 8  # inputs lie in [-LIMIT, LIMIT]


def activations(lesson: Lesson) -> None:
    """Each derivative over a range of inputs, its peak, and the inputs where it is below 1 % of the peak."""
    x = torch.arange(-100 * LIMIT, 100 * LIMIT + 1, dtype=torch.float64) / 100
    curves = []
    for name in NAMES:
        inputs = x.clone().requires_grad_()
        values = getattr(torch.nn.functional, name)(inputs)
        (gradient,) = grad(values.sum(), inputs)
        slopes = getattr(closed, f"{name}_derivative")(x)
        flat = closed.is_saturated(slopes)
        lesson.write(f"{name}, from x = {-LIMIT} to {LIMIT}:")
        difference = (slopes - gradient).abs().max()
        lesson.compare("largest difference of derivative and autograd", difference, 0.0, by="expected")
        lesson.compare("peak of the derivative", slopes.max(), gradient.max())
        lesson.show("  at x", x[slopes.argmax()])
        lesson.show("  below 1 % of it", _intervals(x, flat))
        curves.append(Curve(name, x.numpy(), getattr(closed, name)(x).numpy(), slopes.numpy(), flat.numpy()))
    lesson.figures["explain/activations"] = functions_and_derivatives(curves, "x", SHADED)


def _intervals(x: torch.Tensor, flat: torch.Tensor) -> str:
    """The intervals of x where `flat` is true."""
    edges = torch.diff(flat.int(), prepend=torch.zeros(1, dtype=torch.int), append=torch.zeros(1, dtype=torch.int))
    starts, ends = (edges == 1).nonzero().flatten(), (edges == -1).nonzero().flatten() - 1
    return ", ".join(f"{x[a]:.2f} to {x[b]:.2f}" for a, b in zip(starts, ends, strict=True)) or "nowhere"
