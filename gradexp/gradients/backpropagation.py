"""Gradients of sigmoid networks without autograd: of one layer of perceptrons, and of any depth by back-propagation."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from gradexp.gradients.activations import sigmoid

Layer = tuple[Tensor, Tensor]  # weight [outputs, inputs] and bias [outputs]


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

    The targets t are [batch, outputs]; the other arguments are those of `perceptron`.
    """
    outputs = perceptron(inputs, weight, bias)
    delta = (outputs - targets) * outputs * (1 - outputs) / len(inputs)
    return PerceptronGradient(delta.T @ inputs, delta.sum(dim=0), delta @ weight)


def activations(inputs: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
    """The inputs and the activations of each layer, a_l = sigmoid(a_(l-1) W_l^T + b_l), the output last.

    Args:
        inputs: [batch, inputs].
        layers: From the inputs to the output.
    """
    values = [inputs]
    for weight, bias in layers:
        values.append(perceptron(values[-1], weight, bias))
    return values


def backpropagate(inputs: Tensor, layers: Sequence[Layer], targets: Tensor) -> list[Layer]:
    """Gradients of the mean of 1/2 sum_k (O_k - t_k)^2 over the batch, by weight and bias, in the order of the layers.

    delta_L = (O - t) O (1 - O) at the output, delta_l = (delta_(l+1) W_(l+1)) a_l (1 - a_l) before it; dE/dW_l =
    delta_l^T a_(l-1) and dE/db_l = the sum of delta_l over the batch (Rumelhart, Hinton and Williams 1986).

    Args:
        inputs: [batch, inputs].
        layers: From the inputs to the output.
        targets: [batch, outputs].
    """
    *layer_inputs, outputs = activations(inputs, layers)
    return from_output((outputs - targets) / len(inputs) * outputs * (1 - outputs), layer_inputs, layers)


def from_output(delta: Tensor, layer_inputs: Sequence[Tensor], layers: Sequence[Layer]) -> list[Layer]:
    """The same recursion for any loss, given the loss's gradient at the last layer's pre-activation.

    Args:
        delta: Gradient of the loss with respect to a_(L-1) W_L^T + b_L [batch, outputs].
        layer_inputs: The inputs of each layer [batch, inputs of the layer]: the network's inputs, then sigmoids.
        layers: From the inputs to the output.
    """
    gradients: list[Layer] = []
    for (weight, _), values in zip(reversed(layers), reversed(layer_inputs), strict=True):
        gradients.append((delta.T @ values, delta.sum(dim=0)))
        delta = (delta @ weight) * values * (1 - values)
    return gradients[::-1]
