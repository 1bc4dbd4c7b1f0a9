"""The batches of several members at once, each in its own order, from data that are stored once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from gradexp.engine.augmentation import Augmentation
from gradexp.engine.stack.augmentation import StackedAugmentation


@dataclass(frozen=True)
class Samples:
    """The samples of one or several members.

    Attributes:
        inputs: [samples, ...].
        targets: [samples, ...].
        batches: Of an epoch: the samples of each batch. Members with equal data and seed share one object.
        augmentation: Of the inputs of each batch; None for none.
    """

    inputs: Tensor
    targets: Tensor
    batches: Callable[[int], Sequence[Tensor]]
    augmentation: Augmentation | None = None

    @property
    def size(self) -> int:
        """Bytes of the samples."""
        return self.inputs.nbytes + self.targets.nbytes


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
        self._augmentation = StackedAugmentation([one.augmentation for one in self._sources])
        everything = [torch.arange(len(one.targets), device=device) for one in self._sources]
        is_constant = is_full_batch and not self._augmentation
        self._whole = self._for_members(*self._gathered(everything)) if is_constant else None

    def epoch(self, number: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch: inputs [members, batch, ...] and targets [members, batch, ...].

        Args:
            number: Of the epoch, from 0.
            first: Number of its first batch in the whole fit, from 0.
        """
        orders = [source.batches(number) for source in self._sources]
        for batch, indices in enumerate(zip(*orders, strict=True), start=first):
            if self._whole is not None:
                yield self._whole
                continue
            inputs, targets = self._gathered(indices)
            inputs = self._augmentation(inputs, batch) if self._augmentation else inputs
            yield self._for_members(inputs, targets)

    def _gathered(self, indices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The samples of these indices [batch], one for each source: inputs and targets [sources, batch, ...]."""
        rows = torch.stack(list(indices)).to(self._starts.device) + self._starts
        flat = rows.flatten()  # index_select takes a third of the time of indexing by a matrix
        inputs, targets = (one.index_select(0, flat) for one in (self._inputs, self._targets))
        return inputs.view(*rows.shape, *inputs.shape[1:]), targets.view(*rows.shape, *targets.shape[1:])

    def _for_members(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The members' samples [members, batch, ...] from those of their sources [sources, batch, ...]."""
        members = len(self._source_of)
        if len(inputs) == 1:
            return inputs.expand(members, *inputs.shape[1:]), targets.expand(members, *targets.shape[1:])
        if len(inputs) == members:
            return inputs, targets
        return inputs[self._source_of], targets[self._source_of]
