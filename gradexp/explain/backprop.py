"""Backpropagation, layer by layer."""

from itertools import chain, pairwise

import torch
from torch.autograd import grad

from gradexp.explain.lesson import Lesson
from gradexp.gradients.backpropagation import activations, backpropagate

WIDTHS = (2, 3, 2, 1)


def backprop(lesson: Lesson) -> None:
    """The deltas of a sigmoid network with three layers, from the output backwards."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        # One decimal is printed whole, so that what is printed can be recomputed.
        return torch.randn(*shape, generator=generator, dtype=torch.float64).round(decimals=1).requires_grad_()

    layers = [(drawn(after, before), drawn(after)) for before, after in pairwise(WIDTHS)]
    x, t = torch.tensor([[0.5, -1.0]], dtype=torch.float64), torch.tensor([[1.0]], dtype=torch.float64)
    lesson.write(
        f"A sigmoid network of widths {', '.join(map(str, WIDTHS))}, weights drawn by seed 0; W_l has a row a unit:"
    )
    for number, (weight, bias) in enumerate(layers, start=1):
        lesson.show(f"W_{number}", weight)
        lesson.show(f"b_{number}", bias)
    lesson.show("t", t[0])
    lesson.section("Forwards, E = 1/2 (a_3 - t)^2:")
    values = activations(x, layers)
    for number, value in enumerate(values):
        lesson.show(
            f"a_{number}" + (" = x" if number == 0 else f" = sigmoid(W_{number} a_{number - 1} + b_{number})"), value[0]
        )
    error = (values[-1] - t).square().sum() / 2
    lesson.show("E", error)
    lesson.section(
        "Backwards, delta_3 = (a_3 - t) a_3 (1 - a_3), then delta_l = W_(l+1)^T delta_(l+1) * a_l (1 - a_l);"
    )
    lesson.write("dE/db_l = delta_l and dE/dW_l = delta_l a_(l-1)^T:")
    gradients = grad(error, list(chain(*layers)))
    closed = backpropagate(x, layers, t)
    for number in reversed(range(len(layers))):
        weight, bias = closed[number]
        lesson.compare(f"dE/db_{number + 1}", bias, gradients[2 * number + 1])
        lesson.compare(f"dE/dW_{number + 1}", weight, gradients[2 * number])
