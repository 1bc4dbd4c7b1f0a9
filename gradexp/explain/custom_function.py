"""A torch.autograd.Function with its backward by hand."""

from torch.autograd import grad, gradcheck, gradgradcheck

from gradexp.explain.lesson import Lesson, number
from gradexp.gradients.functions import Affine


def custom_function(lesson: Lesson) -> None:
    """Of w * x + b: forward, backward, and torch's checks of both."""
    x, w, b = (number(value).reshape(1, 1).detach().requires_grad_() for value in (3, 2, 1))
    bias = b.reshape(1)
    y = Affine.apply(x, w, bias)
    lesson.say("gradexp.gradients.functions.Affine, y = w x + b at x = 3, w = 2, b = 1; its backward gets dL/dy = g:")
    lesson.hold("y", y, w * x + b, by="torch")
    dx, dw, db = grad(y.sum(), (x, w, bias))
    library = grad((w * x + b).sum(), (x, w, b))
    for formula, ours, theirs in zip(("dL/dx = g w", "dL/dw = g x", "dL/db = g"), (dx, dw, db), library, strict=True):
        lesson.hold(formula, ours.reshape(1, 1), theirs)
    lesson.say()
    lesson.say("torch compares the first and the second derivatives with finite differences:")
    lesson.show("gradcheck", gradcheck(Affine.apply, (x, w, bias)))
    lesson.show("gradgradcheck", gradgradcheck(Affine.apply, (x, w, bias)))
    lesson.say()
    lesson.say("model.backward=by_hand trains the MLP with such layers, activations and loss.")
