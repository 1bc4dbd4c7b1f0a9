"""What autograd keeps, frees, adds up and leaves out."""

import warnings

import torch
from torch import Tensor
from torch.autograd import grad

from gradexp.explain.lesson import Lesson, number


def autograd(lesson: Lesson) -> None:
    """The graph, leaves and inner nodes, second derivatives, accumulation, and no_grad."""
    x = number(2)
    y = x**2
    z = 3 * y
    lesson.say("Each result remembers the operation that made it; y = x^2 and z = 3 y at x = 2:")
    lesson.show("z.grad_fn", type(z.grad_fn).__name__)
    lesson.show("x.grad_fn, as x is a leaf", x.grad_fn)
    y.retain_grad()
    z.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    lesson.hold("dz/dx = 6 x, in x.grad", 6 * x, x.grad)
    lesson.hold("dz/dy = 3, kept as y.retain_grad() was called", 3.0, y.grad)
    lesson.show("y.grad without that call", _gradient_of_inner_node())
    z.backward(retain_graph=True)  # type: ignore[no-untyped-call]

    lesson.say()
    lesson.say("backward adds to what is there, so gradients are set to zero before every step:")
    lesson.hold("x.grad after the two backwards, 6 x + 6 x", 12 * x, x.grad)
    x.grad = None
    z.backward()  # type: ignore[no-untyped-call]
    lesson.hold("and after x.grad = None and one more", 6 * x, x.grad)

    lesson.say()
    lesson.say("A graph is freed by its backward, unless retain_graph=True, as above:")
    lesson.show("a further backward", _second_backward())

    lesson.say()
    lesson.say("With create_graph=True the gradient is a result that has a gradient itself; x^3 at x = 2:")
    (first,) = grad(x**3, x, create_graph=True)
    lesson.hold("first derivative, 3 x^2", 3 * x**2, first)
    (second,) = grad(first, x, create_graph=True)
    lesson.hold("second, 6 x", 6 * x, second)
    (third,) = grad(second, x)
    lesson.hold("third, 6", 6.0, third)

    lesson.say()
    lesson.say("Under torch.no_grad() nothing is remembered, as when weights are changed by hand:")
    with torch.no_grad():
        silent = x**2
    lesson.show("(x^2).requires_grad", silent.requires_grad)
    lesson.show("(x^2).grad_fn", silent.grad_fn)


def _gradient_of_inner_node() -> Tensor | None:
    x = number(2)
    y = x**2
    (3 * y).backward()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of just this
        return y.grad


def _second_backward() -> str:
    x = number(2)
    y = x**2
    y.backward()  # type: ignore[no-untyped-call]
    try:
        y.backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        return f"{type(error).__name__}: {str(error).partition('.')[0]}"
    raise AssertionError("torch let a freed graph be used again")
