"""A linear layer of several members, whose backward pass writes each gradient as the parameter is stored."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def stacked_linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``inputs @ weight.T + bias`` of each member [members, samples, out].

    Args:
        inputs: [members, samples, in].
        weight: [members, out, in].
        bias: [members, out]; None for none.
    """
    outputs: Tensor = _StackedLinear.apply(inputs, weight, bias)
    return outputs


class _StackedLinear(torch.autograd.Function):
    """Autograd's own gradient of the weights is transposed, which takes a copy to undo: a fifth of a small step."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        transposed = weight.transpose(1, 2)
        if bias is None:
            return torch.bmm(inputs, transposed)
        return torch.baddbmm(bias.unsqueeze(1), inputs, transposed)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        inputs, weight = ctx.saved_tensors
        of_inputs = torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None
        of_bias = gradient.sum(dim=1) if ctx.needs_input_grad[2] else None
        return of_inputs, torch.bmm(gradient.transpose(1, 2), inputs), of_bias
