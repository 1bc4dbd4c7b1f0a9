"""Back-propagation through a sigmoid network of any depth, by the recursion of the deltas; no autograd."""

from collections.abc import Sequence

from torch import Tensor

from gradexp.gradients.activations import sigmoid

Layer = tuple[Tensor, Tensor]  # weight [outputs, inputs] and bias [outputs]


def activations(inputs: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
    """The inputs and what each layer makes of them, a_l = sigmoid(a_(l-1) W_l^T + b_l), the output last.

    Args:
        inputs: [batch, inputs].
        layers: From the inputs to the output.
    """
    values = [inputs]
    for weight, bias in layers:
        values.append(sigmoid(values[-1] @ weight.T + bias))
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
    values = activations(inputs, layers)
    error = (values[-1] - targets) / len(inputs)
    gradients: list[Layer] = []
    for (weight, _), before, after in zip(reversed(layers), values[-2::-1], values[:0:-1], strict=True):
        delta = error * after * (1 - after)
        gradients.append((delta.T @ before, delta.sum(dim=0)))
        error = delta @ weight
    return gradients[::-1]
