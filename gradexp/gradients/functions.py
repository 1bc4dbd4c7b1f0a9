"""Operations with a hand-written backward, as torch.autograd.Functions, and layers that use them.

Each backward consists of differentiable operations on saved tensors, so second derivatives are correct too.
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
        gradient = gradient.to(weight.dtype)  # lower precision under mixed precision
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
        """``g s (1 - s)``, computed from the output alone."""
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
        """``g (p - y) / n``; the classes have no gradient."""
        logits, targets = ctx.saved_tensors
        one_hot = torch.nn.functional.one_hot(targets, logits.shape[1]).to(logits.dtype)
        return gradient * (softmax(logits) - one_hot) / len(logits), None


class AffineLayer(nn.Linear):
    """torch.nn.Linear with the backward of Affine; the same seed gives the same initial weights."""

    def forward(self, input: Tensor) -> Tensor:
        """Outputs [batch, out_features] of inputs [batch, in_features]."""
        return cast(Tensor, Affine.apply(input, self.weight, self.bias))


class SigmoidLayer(nn.Module):
    """torch.nn.Sigmoid with the backward of Sigmoid."""

    def forward(self, inputs: Tensor) -> Tensor:
        return cast(Tensor, Sigmoid.apply(inputs))


def by_hand(network: nn.Sequential) -> nn.Sequential:
    """Replace a network's linear and sigmoid layers by those of this file, which share its parameters."""
    for name, layer in list(network.named_children()):
        if isinstance(layer, nn.Linear) and layer.bias is not None:
            affine: AffineLayer = nn.utils.skip_init(AffineLayer, layer.in_features, layer.out_features)  # type: ignore[no-untyped-call]
            affine.weight, affine.bias = layer.weight, layer.bias
            setattr(network, name, affine)
        elif isinstance(layer, nn.Sigmoid):
            setattr(network, name, SigmoidLayer())
    return network
