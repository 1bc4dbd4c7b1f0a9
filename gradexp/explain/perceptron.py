"""The perceptron with one and with two outputs."""

import torch
from torch.autograd import grad

from gradexp.explain.lesson import Lesson
from gradexp.gradients.backpropagation import perceptron as outputs_of
from gradexp.gradients.backpropagation import perceptron_gradient


def perceptron(lesson: Lesson) -> None:
    """dE/dw_jk = (O_k - t_k) O_k (1 - O_k) x_j, for one sample with three inputs."""
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    lesson.write("O_k = sigmoid(sum_j w_jk x_j), E = 1/2 sum_k (O_k - t_k)^2, x = [1, -2, 0.5]:")
    for count in (1, 2):
        rows = [[0.3, -0.1, 0.8], [-0.5, 0.2, 0.4]][:count]
        weight = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(count, dtype=torch.float64)
        target = torch.tensor([[1.0, 0.0][:count]], dtype=torch.float64)
        error = (torch.sigmoid(x @ weight.T) - target).square().sum() / 2
        (gradient,) = grad(error, weight)
        lesson.write(f"{count} output{'s' if count > 1 else ''}, t = {[int(t) for t in target[0]]}:")
        lesson.show("O", outputs_of(x, weight, bias)[0])
        lesson.show("E", error)
        for k, row in enumerate(perceptron_gradient(x, weight, bias, target).weight):
            lesson.compare(f"(O_{k} - t_{k}) O_{k} (1 - O_{k}) x_j", row, gradient[k])
