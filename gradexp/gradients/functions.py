"""Operations whose backward is written by hand, as torch.autograd.Functions, and the layers made of them.

Each backward is itself made of differentiable operations on what was saved, so second derivatives are right too.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from gradexp.gradients.activations import sigmoid, softmax
from gradexp.gradients.losses import cross_entropy


class Affine(Function):
    """w * x + b: outputs [batch, outputs] of inputs [batch, inputs], weight [outputs, inputs] and bias [outputs]."""

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return inputs @ weight.T + bias

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """d/dx = g w, d/dw = g^T x, d/db = the sum of g over the batch."""
        inputs, weight = ctx.saved_tensors
        gradient = gradient.to(weight.dtype)  # of fewer digits in mixed precision
        return gradient @ weight, gradient.T @ inputs, gradient.sum(dim=0)


class Sigmoid(Function):
    """1 / (1 + exp(-x)), elementwise."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return sigmoid(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Give g s (1 - s), out of the output alone."""
        (output,) = ctx.saved_tensors
        return cast(Tensor, gradient * output * (1 - output))


class CrossEntropy(Function):
    """Softmax cross-entropy, a mean over the batch, of logits [batch, classes] and classes [batch]."""

    @staticmethod
    def forward(logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Give g (p - y) / n; the classes have no gradient."""
        logits, targets = ctx.saved_tensors
        wanted = torch.nn.functional.one_hot(targets, logits.shape[1]).to(logits.dtype)
        return gradient * (softmax(logits) - wanted) / len(logits), None


class AffineLayer(nn.Linear):
    """torch.nn.Linear, with the backward of Affine; the same first weights from the same seed."""

    def forward(self, input: Tensor) -> Tensor:
        """Outputs [batch, out_features] of inputs [batch, in_features]."""
        return cast(Tensor, Affine.apply(input, self.weight, self.bias))


class SigmoidLayer(nn.Module):
    """torch.nn.Sigmoid, with the backward of Sigmoid."""

    def forward(self, inputs: Tensor) -> Tensor:
        return cast(Tensor, Sigmoid.apply(inputs))


def by_hand(network: nn.Sequential) -> nn.Sequential:
    """The same network with the layers of this file in place of torch's; they share its parameters.

    Args:
        network: Layers one after the other; those that are neither linear nor sigmoid stay as they are.
    """
    for name, layer in list(network.named_children()):
        if isinstance(layer, nn.Linear) and layer.bias is not None:
            own: AffineLayer = nn.utils.skip_init(AffineLayer, layer.in_features, layer.out_features)  # type: ignore[no-untyped-call]
            own.weight, own.bias = layer.weight, layer.bias
            setattr(network, name, own)
        elif isinstance(layer, nn.Sigmoid):
            setattr(network, name, SigmoidLayer())
    return network
