"""The parameters of several networks of one architecture, as one matrix."""

from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn


class StackedParameters:
    """All parameters of all members: the rows of one matrix, so that an update of every number is one operation.

    Args:
        networks: The members, with parameters of the same names and shapes.

    Attributes:
        values: [members, numbers]: each member's parameters, flattened, in the order of `named_parameters`.
        shapes: Those of one member's parameters, by name.
        leaves: Each parameter of all members [members, ...], by name: views of `values`, of which autograd takes the
            gradients. (Those of `values` itself would be copied twice, by the backward passes of view and split.)
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.shapes = {name: parameter.shape for name, parameter in networks[0].named_parameters()}
        rows = [torch.cat([parameter.detach().flatten() for parameter in one.parameters()]) for one in networks]
        self.load(torch.stack(rows))

    def by_name(self, matrix: Tensor) -> dict[str, Tensor]:
        """Views of a matrix [members, numbers], such as of gradients: those of each parameter [members, ...]."""
        parts = torch.split(matrix, [shape.numel() for shape in self.shapes.values()], dim=1)
        return {
            name: part.view(len(matrix), *shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def gradient(self, objective: Tensor) -> Tensor:
        """The gradient [members, numbers] of the sum of the members' objectives; the next call overwrites it."""
        parts = torch.autograd.grad(objective, list(self.leaves.values()), materialize_grads=True)
        torch.cat([part.flatten(1) for part in parts], dim=1, out=self._gradient)
        return self._gradient

    def columns(self, names: Collection[str]) -> Tensor:
        """Which columns of `values` belong to these parameters: a mask [numbers]."""
        mask = torch.zeros(self.values.shape[1], dtype=torch.bool, device=self.values.device)
        ends = accumulate((shape.numel() for shape in self.shapes.values()), initial=0)
        for name, (begin, end) in zip(self.shapes, pairwise(ends), strict=True):
            mask[begin:end] = name in names
        return mask

    def load(self, values: Tensor) -> None:
        """Replace the numbers, and with them the members [members, numbers]."""
        self.values = values
        self.leaves = {name: view.requires_grad_() for name, view in self.by_name(values.detach()).items()}
        self._gradient = torch.empty_like(values)

    def keep(self, rows: Tensor) -> None:
        """Drop all members but those of these rows."""
        self.load(self.values[rows])
