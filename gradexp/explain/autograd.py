"""How autograd builds and frees graphs, accumulates gradients, and is switched off."""

import warnings

import torch
from torch import Tensor
from torch.autograd import grad

from gradexp.explain.lesson import Lesson, number


def autograd(lesson: Lesson) -> None:
    """The graph, leaves and inner nodes, higher derivatives, accumulation, and no_grad."""
    x = number(2)
    y = x**2
    z = 3 * y
    lesson.write("Each result stores the operation that computed it; y = x^2 and z = 3 y at x = 2:")
    lesson.show("z.grad_fn", type(z.grad_fn).__name__)
    lesson.show("x.grad_fn, because x is a leaf", x.grad_fn)
    y.retain_grad()
    z.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    lesson.compare("dz/dx = 6 x, in x.grad", 6 * x, x.grad)
    lesson.compare("dz/dy = 3, kept because of y.retain_grad()", 3.0, y.grad)
    lesson.show("y.grad without that call", _gradient_of_inner_node())
    z.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    lesson.section("backward adds to existing gradients, so they are set to zero before every step:")
    lesson.compare("x.grad after two backward passes, 6 x + 6 x", 12 * x, x.grad)
    x.grad = None
    z.backward()  # type: ignore[no-untyped-call]
    lesson.compare("x.grad after x.grad = None and one more", 6 * x, x.grad)
    lesson.section("backward frees the graph, unless retain_graph=True, as above:")
    lesson.show("a second backward", _second_backward())
    lesson.section("With create_graph=True the gradient can be differentiated again; x^3 at x = 2:")
    (first,) = grad(x**3, x, create_graph=True)
    lesson.compare("first derivative, 3 x^2", 3 * x**2, first)
    (second,) = grad(first, x, create_graph=True)
    lesson.compare("second, 6 x", 6 * x, second)
    (third,) = grad(second, x)
    lesson.compare("third, 6", 6.0, third)
    lesson.section("Under torch.no_grad() no graph is built, for example to update weights:")
    with torch.no_grad():
        square = x**2
    lesson.show("(x^2).requires_grad", square.requires_grad)
    lesson.show("(x^2).grad_fn", square.grad_fn)


def _gradient_of_inner_node() -> Tensor | None:
    x = number(2)
    y = x**2
    (3 * y).backward()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about reading this gradient
        return y.grad


def _second_backward() -> str:
    x = number(2)
    y = x**2
    y.backward()  # type: ignore[no-untyped-call]
    try:
        y.backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        return f"{type(error).__name__}: {str(error).partition('.')[0]}"
    raise AssertionError("torch did not raise an error for a freed graph")
