"""The gradient of a layer of sigmoid perceptrons, the first step of back-propagation."""

from typing import NamedTuple

from torch import Tensor

from gradexp.gradients.activations import sigmoid


class PerceptronGradient(NamedTuple):
    """Gradients of the mean of E = 1/2 sum_k (O_k - t_k)^2 over the batch.

    Attributes:
        weight: dE/dw_kj [outputs, inputs].
        bias: dE/db_k [outputs].
        inputs: dE/dx_j [batch, inputs].
    """

    weight: Tensor
    bias: Tensor
    inputs: Tensor


def perceptron(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """O_k = sigmoid(sum_j w_kj x_j + b_k) [batch, outputs], for one output or several.

    Args:
        inputs: x [batch, inputs].
        weight: w [outputs, inputs].
        bias: b [outputs].
    """
    return sigmoid(inputs @ weight.T + bias)


def perceptron_gradient(inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> PerceptronGradient:
    """dE/dw_kj = (O_k - t_k) O_k (1 - O_k) x_j, a mean over the batch (Rumelhart, Hinton and Williams 1986).

    Args:
        inputs: x [batch, inputs].
        weight: w [outputs, inputs].
        bias: b [outputs].
        targets: t [batch, outputs].
    """
    outputs = perceptron(inputs, weight, bias)
    delta = (outputs - targets) * outputs * (1 - outputs) / len(inputs)
    return PerceptronGradient(delta.T @ inputs, delta.sum(dim=0), delta @ weight)
