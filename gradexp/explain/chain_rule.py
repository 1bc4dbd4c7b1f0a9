"""The chain rule: the derivative of nested functions is the product of their derivatives."""

from torch.autograd import grad

from gradexp.explain.lesson import Lesson, number


def chain_rule(lesson: Lesson) -> None:
    """Two nested linear functions, 2 = 2 * 1, and the square of 2 x."""
    x, w1, b1, w2, b2 = (number(value) for value in (1, 2, 1, 2, 1))
    y1 = w1 * x + b1
    y2 = w2 * y1 + b2
    lesson.write("Two linear functions, y1 = w1 x + b1 and y2 = w2 y1 + b2, at x = 1, w1 = 2, b1 = 1, w2 = 2, b2 = 1:")
    (outer,) = grad(y2, y1, retain_graph=True)
    (inner,) = grad(y1, w1, retain_graph=True)
    (whole,) = grad(y2, w1, retain_graph=True)
    lesson.compare("dy2/dy1 = w2", w2, outer)
    lesson.compare("dy1/dw1 = x", x, inner)
    lesson.compare("dy2/dw1 = dy2/dy1 * dy1/dw1 = w2 * x", w2 * x, whole)
    lesson.compare("the product of autograd's derivatives", outer * inner, whole)
    a = number(3)
    u = 2 * a
    z = u**2
    lesson.section("The square of 2 x, u = 2 x and z = u^2, at x = 3:")
    (du,) = grad(u, a, retain_graph=True)
    (dz_du,) = grad(z, u, retain_graph=True)
    (dz_da,) = grad(z, a)
    lesson.compare("dz/du = 2 u", 2 * u, dz_du)
    lesson.compare("du/dx = 2", 2.0, du)
    lesson.compare("dz/dx = 2 u * 2 = 8 x", 8 * a, dz_da)
