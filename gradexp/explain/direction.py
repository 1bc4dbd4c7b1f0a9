"""The gradient points in the direction of steepest ascent."""

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
    """Directional derivatives of a function in all directions from a point, by forward-mode differentiation."""
    point = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    (gradient,) = grad(_bowl(point), point)
    lesson.write("f(x, y) = x^2 + 3 y^2 at (1, 0.5):")
    lesson.compare("the gradient, (2 x, 6 y)", torch.stack([2 * point[0], 6 * point[1]]), gradient)
    angles = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    units = torch.stack([angles.cos(), angles.sin()], dim=1)
    slopes = torch.stack([jvp(_bowl, (point.detach(),), (unit,))[1] for unit in units])
    lesson.write(f"The slope along {DIRECTIONS} directions u, one degree apart, by forward-mode differentiation:")
    lesson.compare("along (1, 0), gradient . u", gradient @ units[0], slopes[0], by="jvp")
    difference = (units @ gradient - slopes).abs().max()
    lesson.compare("largest difference from it in all directions", difference, 0.0, by="expected")
    gradient_angle = float(torch.atan2(gradient[1], gradient[0]))
    steepest = float(angles[slopes.argmax()])
    lesson.show("direction of the gradient, degrees", math.degrees(gradient_angle))
    lesson.show("direction of the largest slope, degrees", math.degrees(steepest))
    if abs(steepest - gradient_angle) > math.pi / DIRECTIONS:
        raise ArithmeticError("the slope is not largest along the gradient")
    slope = jvp(_bowl, (point.detach(),), (gradient / gradient.norm(),))[1]
    lesson.compare("slope along the gradient = its length", gradient.norm(), slope, by="jvp")
    lesson.figures["explain/direction"] = directional_derivatives(
        angles.numpy(), slopes.numpy(), np.asarray(gradient_angle), float(gradient.norm())
    )


def _bowl(point: Tensor) -> Tensor:
    return point[0] ** 2 + 3 * point[1] ** 2
