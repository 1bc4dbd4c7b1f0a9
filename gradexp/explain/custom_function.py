"""A torch.autograd.Function with a hand-written backward."""

from torch.autograd import grad, gradcheck, gradgradcheck

from gradexp.explain.lesson import Lesson, number
from gradexp.gradients.functions import Affine


def custom_function(lesson: Lesson) -> None:
    """Forward and backward of w * x + b, and torch's checks of both."""
    x, w, b = (number(value).reshape(1, 1).detach().requires_grad_() for value in (3, 2, 1))
    bias = b.reshape(1)
    y = Affine.apply(x, w, bias)
    lesson.write("gradexp.gradients.functions.Affine, y = w x + b at x = 3, w = 2, b = 1; its backward gets dL/dy = g:")
    lesson.compare("y", y, w * x + b, by="torch")
    dx, dw, db = grad(y.sum(), (x, w, bias))
    library = grad((w * x + b).sum(), (x, w, b))
    formulas = ("dL/dx = g w", "dL/dw = g x", "dL/db = g")
    for formula, gradient, reference in zip(formulas, (dx, dw, db), library, strict=True):
        lesson.compare(formula, gradient.reshape(1, 1), reference)
    lesson.section("torch compares the first and the second derivatives with finite differences:")
    lesson.show("gradcheck", gradcheck(Affine.apply, (x, w, bias)))
    lesson.show("gradgradcheck", gradgradcheck(Affine.apply, (x, w, bias)))
    lesson.section("model.backward=by_hand trains the MLP with such hand-written layers, activations and loss.")
