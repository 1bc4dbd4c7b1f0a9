"""Outputs of trained members."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gradexp.engine.stack.member import Member
from gradexp.engine.stack.network import StackedNetwork
from gradexp.engine.stack.parameters import StackedParameters


class StackedOutputs:
    """The networks of members after their fits, without gradients and without dropout.

    Args:
        members: Fitted members of one shape.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        networks = [member.network for member in members]
        parameters = StackedParameters(networks)
        ends = [member.at_end for member in members]
        self._by_name = parameters.by_name(torch.stack([end.values for end in ends if end is not None]))
        self._network = StackedNetwork(networks)
        self.members = len(members)

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs [members, samples, ...] of inputs [members, samples, ...]."""
        return self._network(self._by_name, inputs)

    def on_all(self, inputs: Tensor) -> Tensor:
        """Outputs [members, samples, ...] of the same inputs [samples, ...] for every member."""
        return self(inputs.expand(self.members, *inputs.shape))
