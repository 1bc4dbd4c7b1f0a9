"""The perceptron with one and with two outputs."""

import torch
from torch.autograd import grad

from gradexp.explain.lesson import Lesson
from gradexp.gradients.backpropagation import perceptron as outputs_of
from gradexp.gradients.backpropagation import perceptron_gradient

WEIGHTS, BIASES, TARGETS = [[0.3, -0.1, 0.8], [-0.5, 0.2, 0.4]], [0.1, -0.2], [1.0, 0.0]  # by output


def perceptron(lesson: Lesson) -> None:
    """dE/dw_jk = (O_k - t_k) O_k (1 - O_k) x_j, for one sample with three inputs."""
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    lesson.write("O_k = sigmoid(sum_j w_jk x_j + b_k), E = 1/2 sum_k (O_k - t_k)^2,")
    lesson.write("dE/db_k = (O_k - t_k) O_k (1 - O_k), dE/dw_jk = dE/db_k x_j, j = 0, 1, 2:")
    for count in (1, 2):
        weight = torch.tensor(WEIGHTS[:count], dtype=torch.float64, requires_grad=True)
        bias = torch.tensor(BIASES[:count], dtype=torch.float64, requires_grad=True)
        target = torch.tensor([TARGETS[:count]], dtype=torch.float64)
        error = (torch.sigmoid(x @ weight.T + bias) - target).square().sum() / 2
        by_weight, by_bias = grad(error, (weight, bias))
        lesson.section(f"{count} output{'s' if count > 1 else ''}:")
        lesson.show("x", x[0])
        for k, row in enumerate(weight):
            lesson.show(f"w_j{k}", row)
        lesson.show("b", bias)
        lesson.show("t", target[0])
        lesson.show("O", outputs_of(x, weight, bias)[0])
        lesson.show("E", error)
        closed = perceptron_gradient(x, weight, bias, target)
        lesson.compare("dE/db", closed.bias, by_bias)
        for k, row in enumerate(closed.weight):
            lesson.compare(f"dE/dw_j{k}", row, by_weight[k])
