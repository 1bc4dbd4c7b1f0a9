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
        return _product(inputs, weight.transpose(1, 2), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        inputs, weight = ctx.saved_tensors
        of_inputs = _product(gradient, weight) if ctx.needs_input_grad[0] else None
        of_bias = gradient.sum(dim=1) if ctx.needs_input_grad[2] else None
        return of_inputs, _product(gradient.transpose(1, 2), inputs), of_bias


def _product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """The members' products [members, rows, columns] of left [members, rows, n] and right [members, n, columns].

    A single product with a vector is computed by a routine that rounds otherwise than that for several, so it is
    computed as the first of two: a member's numbers must not depend on the size of its stack.
    """
    members = len(left)
    if members == 1 and 1 in (left.shape[1], right.shape[2]):
        left, right = (one.expand(2, *one.shape[1:]) for one in (left, right))
        bias = None if bias is None else bias.expand(2, *bias.shape[1:])
    product = torch.bmm(left, right) if bias is None else torch.baddbmm(bias.unsqueeze(1), left, right)
    return product[:1] if members == 1 else product
