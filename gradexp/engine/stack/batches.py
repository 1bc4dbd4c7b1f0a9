"""The batches of several members at once, each in its own order, from data that are stored once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """The samples of one or several members.

    Attributes:
        inputs: [samples, ...].
        targets: [samples, ...].
        batches: Of an epoch: the samples of each batch. Members with equal data and seed share one object.
    """

    inputs: Tensor
    targets: Tensor
    batches: Callable[[int], Sequence[Tensor]]


class StackedBatches:
    """Batches [members, batch, ...] of the members' samples, of which all members have equally many.

    Args:
        samples: Each member's; members may share them.
        is_full_batch: Whether every batch is all samples, in their order.
    """

    def __init__(self, samples: Sequence[Samples], is_full_batch: bool = False) -> None:
        self._sources = list({id(one): one for one in samples}.values())
        number = {id(one): index for index, one in enumerate(self._sources)}
        device = samples[0].inputs.device
        self._source_of = torch.tensor([number[id(one)] for one in samples], device=device)
        # Sources that draw from the same tensors share their place.
        tensors = {(id(one.inputs), id(one.targets)): one for one in self._sources}
        sizes = [len(one.targets) for one in tensors.values()]
        starts = dict(zip(tensors, accumulate(sizes, initial=0), strict=False))
        self._starts = torch.tensor([[starts[id(one.inputs), id(one.targets)]] for one in self._sources], device=device)
        self._inputs, self._targets = (
            parts[0] if len(parts) == 1 else torch.cat(parts)
            for parts in ([one.inputs for one in tensors.values()], [one.targets for one in tensors.values()])
        )
        everything = [torch.arange(len(one.targets), device=device) for one in self._sources]
        self._whole = self._gathered(everything) if is_full_batch else None

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch: inputs [members, batch, ...] and targets [members, batch, ...]."""
        orders = [source.batches(number) for source in self._sources]
        for indices in zip(*orders, strict=True):
            yield self._whole if self._whole is not None else self._gathered(indices)

    def _gathered(self, indices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The samples of these indices [batch], one for each distinct source."""
        members = len(self._source_of)
        if len(indices) == 1:
            inputs, targets = self._inputs[indices[0]], self._targets[indices[0]]
            return inputs.expand(members, *inputs.shape), targets.expand(members, *targets.shape)
        rows = torch.stack(list(indices)).to(self._starts.device) + self._starts
        inputs, targets = self._inputs[rows], self._targets[rows]
        if len(indices) == members:
            return inputs, targets
        return inputs[self._source_of], targets[self._source_of]
