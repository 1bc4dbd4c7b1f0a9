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
        values: [members, numbers], a leaf: each member's parameters, flattened, in the order of `named_parameters`.
        shapes: Those of one member's parameters, by name.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.shapes = {name: parameter.shape for name, parameter in networks[0].named_parameters()}
        rows = [torch.cat([parameter.detach().flatten() for parameter in one.parameters()]) for one in networks]
        self.values = torch.stack(rows).requires_grad_()

    def by_name(self, values: Tensor | None = None) -> dict[str, Tensor]:
        """Each parameter of all members [members, ...], through which gradients flow to `values`.

        Args:
            values: Other numbers of that shape, such as gradients.
        """
        # One split, whose backward pass is one concatenation; a slice each would add up a matrix of zeros each.
        matrix = self.values if values is None else values
        parts = torch.split(matrix, [shape.numel() for shape in self.shapes.values()], dim=1)
        return {
            name: part.view(len(matrix), *shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def columns(self, names: Collection[str]) -> Tensor:
        """Which columns of `values` belong to these parameters: a mask [numbers]."""
        mask = torch.zeros(self.values.shape[1], dtype=torch.bool, device=self.values.device)
        ends = accumulate((shape.numel() for shape in self.shapes.values()), initial=0)
        for name, (begin, end) in zip(self.shapes, pairwise(ends), strict=True):
            mask[begin:end] = name in names
        return mask

    def load(self, values: Tensor) -> None:
        """Replace the numbers, and with them the members [members, numbers]."""
        self.values = values.to(self.values.device).requires_grad_()

    def keep(self, rows: Tensor) -> None:
        """Drop all members but those of these rows."""
        self.load(self.values.detach()[rows])
