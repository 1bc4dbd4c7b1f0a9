"""The chain rule: derivatives of what is nested are multiplied along the way."""

from torch.autograd import grad

from gradexp.explain.lesson import Lesson, number


def chain_rule(lesson: Lesson) -> None:
    """Two lines on end, 2 = 2 * 1, and a square of a double."""
    x, w1, b1, w2, b2 = (number(value) for value in (1, 2, 1, 2, 1))
    y1 = w1 * x + b1
    y2 = w2 * y1 + b2
    lesson.say("Two lines on end, y1 = w1 x + b1 and y2 = w2 y1 + b2, at x = 1, w1 = 2, b1 = 1, w2 = 2, b2 = 1:")
    (outer,) = grad(y2, y1, retain_graph=True)
    (inner,) = grad(y1, w1, retain_graph=True)
    (whole,) = grad(y2, w1, retain_graph=True)
    lesson.hold("dy2/dy1 = w2", w2, outer)
    lesson.hold("dy1/dw1 = x", x, inner)
    lesson.hold("dy2/dw1 = dy2/dy1 * dy1/dw1 = w2 * x", w2 * x, whole)
    lesson.hold("the product of what autograd found", outer * inner, whole)
    lesson.say()
    a = number(3)
    u = 2 * a
    z = u**2
    lesson.say("A square of a double, u = 2 x and z = u^2, at x = 3:")
    (du,) = grad(u, a, retain_graph=True)
    (dz_du,) = grad(z, u, retain_graph=True)
    (dz_da,) = grad(z, a)
    lesson.hold("dz/du = 2 u", 2 * u, dz_du)
    lesson.hold("du/dx = 2", 2.0, du)
    lesson.hold("dz/dx = 2 u * 2 = 8 x", 8 * a, dz_da)
