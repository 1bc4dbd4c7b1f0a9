"""The training steps of several members: forward, backward, clipping and update, each one batched operation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gradexp.engine.stack.dropout import DropoutMasks
from gradexp.engine.stack.group_updates import GroupUpdates
from gradexp.engine.stack.losses import StackedPenalties, stacked_loss
from gradexp.engine.stack.member import Member, Moment
from gradexp.engine.stack.network import StackedNetwork
from gradexp.engine.stack.parameters import StackedParameters
from gradexp.engine.stack.updates import RowUpdates

ROW_NUMBERS = 10_000  # of a member, up to which RowUpdates are faster; see tests/benchmarks/vectorized.py


class StackSteps:
    """Parameters and optimizers of the members, and the steps that change them.

    Args:
        members: Those that are trained, one in each row of the parameters.
        clip_by_value: Whether a member's `clip` limits each number of its gradient instead of the norm.
    """

    def __init__(self, members: Sequence[Member], clip_by_value: bool) -> None:
        self._clip_by_value = clip_by_value
        self._parameters = StackedParameters([member.network for member in members])
        self._updates = _updates(self._parameters, members)
        self._prepare(members)

    def _prepare(self, members: Sequence[Member]) -> None:
        """Build all that depends on the members, but has no state."""
        self._members = members
        networks = [member.network for member in members]
        self._network = StackedNetwork(networks)
        self._loss = stacked_loss([one.loss for one in members], [one.loss_module for one in members])
        self._penalties = StackedPenalties([one.penalties for one in members], self._parameters, members[0].proximal)
        self._masks = DropoutMasks(networks, [member.seed for member in members], members[0].train.inputs)
        limits = [float("inf") if member.clip is None else member.clip for member in members]
        self._limits = torch.tensor(limits, device=self._parameters.values.device).unsqueeze(1)
        self._clips = bool(self._limits.isfinite().any())

    def take(
        self, inputs: Tensor, targets: Tensor, batch: int, record: Callable[[str, Tensor], None]
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Take a step on a batch.

        Args:
            inputs: [members, batch, ...].
            targets: [members, batch, ...].
            batch: Its number in the whole fit, from 0.
            record: Called with the name and the outputs of each layer that has parameters.

        Returns:
            Outputs [members, batch, ...], losses [members], and penalties [members] or None if there are none.
        """
        leaves = self._parameters.leaves
        masks = self._masks.draw(batch, targets.shape[1]) if self._masks else {}
        outputs = self._network(leaves, inputs, masks, record)
        loss = self._loss(outputs, targets)
        penalty = self._penalties(leaves)
        objective = loss if penalty is None else loss + penalty
        gradient = self._parameters.gradient(objective.sum())  # no member's term has another member's parameters
        if self._clips:
            self._clip(gradient)
        self._updates.step(gradient)
        self._penalties.shrink(self._parameters.values, [member.optimizer for member in self._members])
        return outputs.detach(), loss.detach(), penalty if penalty is None else penalty.detach()

    @torch.no_grad()
    def evaluate(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [members, samples, ...] and losses [members], without dropout."""
        outputs = self._network(self._parameters.leaves, inputs)
        return outputs, self._loss(outputs, targets)

    def read_numbers(self) -> None:
        """Read the numbers of the members' optimizers, which schedules may have changed."""
        self._updates.read_numbers()

    def not_finite(self) -> dict[int, str]:
        """The rows of the members whose weights are no longer finite, each with the first such parameter."""
        is_finite = self._parameters.values.isfinite()
        rows = (~is_finite.all(dim=1)).nonzero().flatten().tolist()
        by_name = self._parameters.by_name(is_finite)
        return {row: next(name for name, finite in by_name.items() if not finite[row].all()) for row in rows}

    def parameters_of(self, row: int) -> dict[str, Tensor]:
        """A member's parameters, by name."""
        by_name = self._parameters.by_name(self._parameters.values[row : row + 1])
        return {name: stacked[0] for name, stacked in by_name.items()}

    def moment(self, row: int) -> Moment:
        """A copy of a member's state."""
        values = self._parameters.values[row].clone()
        return self._members[row].moment(values, self._updates.state_of(row))

    def snapshot(self) -> Callable[[int], Moment]:
        """A copy of all members' states: the moment of each row now, until its member's epoch ends.

        Where the updates are those of small networks, it is a few operations, whatever the number of members.
        """
        values, states = self._parameters.values.clone(), self._updates.snapshot()
        members = self._members
        rates = [member.rates() if member.schedules else None for member in members]
        return lambda row: members[row].moment(values[row].clone(), states(row), rates[row])

    def state(self, row: int) -> dict[str, Any]:
        """A copy of a member's weights and optimizer, as plain data."""
        values = self._parameters.values[row].clone()
        return {"values": values, "optimizer": self._updates.state_of(row)}

    def load(self, members: Sequence[Member], states: Sequence[Mapping[str, Any]]) -> None:
        """Continue with these members from their states, as `state` gave them."""
        values = torch.stack([state["values"] for state in states])
        self._parameters.load(values.to(self._parameters.values.device))
        self._updates = _updates(self._parameters, members)
        self._updates.load([state["optimizer"] for state in states])
        self._prepare(members)

    def keep(self, members: Sequence[Member], rows: Tensor) -> None:
        """Drop all but these members, whose rows are given."""
        self._parameters.keep(rows)
        self._updates.keep(rows)
        self._prepare(members)

    def _clip(self, gradient: Tensor) -> None:
        if self._clip_by_value:
            torch.clamp(gradient, -self._limits, self._limits, out=gradient)
        else:
            norms = gradient.norm(dim=1, keepdim=True)
            gradient.mul_((self._limits / (norms + 1e-6)).clamp(max=1.0))  # as torch's clip_grad_norm_


def _updates(parameters: StackedParameters, members: Sequence[Member]) -> RowUpdates | GroupUpdates:
    optimizers = [member.optimizer for member in members]
    names = {id(parameter): name for name, parameter in members[0].network.named_parameters()}
    groups = [[names[id(parameter)] for parameter in group["params"]] for group in optimizers[0].param_groups]
    if parameters.values.shape[1] <= ROW_NUMBERS and RowUpdates.supports(optimizers[0]):
        return RowUpdates(parameters, optimizers, parameters.columns(groups[0]) if len(groups) > 1 else None)
    return GroupUpdates(parameters, optimizers, groups)
