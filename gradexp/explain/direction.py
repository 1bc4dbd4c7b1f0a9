"""The gradient points where the function rises fastest."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.autograd import grad
from torch.func import jvp

from gradexp.explain.lesson import Lesson
from gradexp.figures import directional_derivatives

DIRECTIONS = 360


def direction(lesson: Lesson) -> None:
    """Directional derivatives of a function all around a point, by forward-mode differentiation."""
    point = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    (gradient,) = grad(_bowl(point), point)
    lesson.say("f(x, y) = x^2 + 3 y^2 at (1, 0.5):")
    lesson.hold("the gradient, (2 x, 6 y)", torch.stack([2 * point[0], 6 * point[1]]), gradient)
    angles = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    units = torch.stack([angles.cos(), angles.sin()], dim=1)
    slopes = torch.stack([jvp(_bowl, (point.detach(),), (unit,))[1] for unit in units])
    lesson.say(f"The slope along {DIRECTIONS} directions u, a degree apart, by forward-mode differentiation:")
    lesson.hold("along (1, 0), gradient . u", gradient @ units[0], slopes[0], by="jvp")
    lesson.hold(
        "in all directions, the largest difference from it", (units @ gradient - slopes).abs().max(), 0.0, by="expected"
    )
    own = float(torch.atan2(gradient[1], gradient[0]))
    steepest = float(angles[slopes.argmax()])
    lesson.show("the gradient's own direction, degrees", math.degrees(own))
    lesson.show("where the slope is largest, degrees", math.degrees(steepest))
    if abs(steepest - own) > math.pi / DIRECTIONS:
        raise ArithmeticError("the slope is not largest along the gradient")
    lesson.hold("the slope along the gradient, its length", gradient.norm(), _slope(point.detach(), gradient), by="jvp")
    lesson.figures["explain/direction"] = directional_derivatives(
        angles.numpy(), slopes.numpy(), np.asarray(own), float(gradient.norm())
    )


def _bowl(point: Tensor) -> Tensor:
    return point[0] ** 2 + 3 * point[1] ** 2


def _slope(point: Tensor, along: Tensor) -> Tensor:
    slope: Tensor = jvp(_bowl, (point,), (along / along.norm(),))[1]
    return slope
