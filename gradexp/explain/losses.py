"""Cross-entropy, squared errors, and losses with similar names."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import grad
from torch.nn import functional as F

from gradexp.explain.lesson import SHADED, Lesson
from gradexp.figures import Curve, functions_and_derivatives
from gradexp.gradients import losses as closed
from gradexp.gradients.activations import is_saturated


def losses(lesson: Lesson) -> None:
    """Values and gradients of the losses on one small batch."""
    outputs = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    targets = torch.zeros(2, dtype=torch.float64)
    lesson.write("Three different errors of o = [3, 4] and t = [0, 0], and their gradients:")
    for name, formula in (("norm", "|o - t|"), ("squared_norm", "|o - t|^2"), ("mse", "|o - t|^2 / n, n = 2")):
        value = getattr(closed, name)(outputs, targets)
        lesson.show(formula, value)
        lesson.compare("  its gradient", getattr(closed, f"{name}_gradient")(outputs, targets), grad(value, outputs)[0])
    logits = torch.tensor([[2.0, 1.0, 0.1], [0.5, 0.5, 0.5]], dtype=torch.float64, requires_grad=True)
    classes = torch.tensor([0, 2])
    lesson.section("Cross-entropy of two samples of classes 0 and 2; it is the NLL of log-softmax:")
    value = F.cross_entropy(logits, classes)
    lesson.compare("NLL of log-softmax", closed.nll(closed.log_softmax(logits), classes), value, by="torch")
    (gradient,) = grad(value, logits)
    for row, expected in enumerate(closed.cross_entropy_gradient(logits, classes)):
        lesson.compare(f"(p - y) / n of sample {row}", expected, gradient[row])
    weights = torch.tensor([1.0, 1.0, 3.0], dtype=torch.float64)
    weighted = F.cross_entropy(logits, classes, weights)
    lesson.compare("with weight 3 for class 2", closed.cross_entropy(logits, classes, weights), weighted, by="torch")
    far = torch.tensor([[0.0, 1000.0]], dtype=torch.float64)
    wrong = torch.tensor([0])
    lesson.section("For logits [0, 1000] and class 0, the formula of the definition overflows:")
    lesson.show("-ln(exp(z_t) / sum_j exp(z_j))", closed.naive_cross_entropy(far, wrong))
    lesson.compare("NLL of log-softmax", closed.cross_entropy(far, wrong), F.cross_entropy(far, wrong), by="torch")
    lesson.figures["explain/losses"] = functions_and_derivatives(
        [_curve(name, loss) for name, loss in ONE_OUTPUT.items()], "output, or logit", SHADED
    )


# Losses of one sample with one output; its target is 0, or its class is 1.
ZERO, ONE = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.long)
ONE_OUTPUT: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "squared error, target 0": (lambda o: closed.mse(o, ZERO), lambda o: closed.mse_gradient(o, ZERO)),
    "absolute error, target 0": (lambda o: closed.l1(o, ZERO), lambda o: closed.l1_gradient(o, ZERO)),
    "binary cross-entropy, class 1": (lambda z: closed.bce(z, ONE), lambda z: closed.bce_gradient(z, ONE)),
    "cross-entropy of logits (0, z), class 1": (
        lambda z: closed.cross_entropy(_with_zero_logit(z), ONE),
        lambda z: closed.cross_entropy_gradient(_with_zero_logit(z), ONE)[:, 1],
    ),
}


def _with_zero_logit(z: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(z), z], dim=1)


def _curve(name: str, loss: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]) -> Curve:
    x = torch.linspace(-8, 8, 801, dtype=torch.float64)
    values, slopes = (torch.stack([part(point.reshape(1)).sum() for point in x]) for part in loss)
    return Curve(name, x.numpy(), values.numpy(), slopes.numpy(), is_saturated(slopes).numpy())
