"""Batches of a data source: which samples, in which order, from memory or streamed."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from typing import Annotated, Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gradexp.arguments import checked
from gradexp.engine.step_groups import StepGroup, group_bounds
from gradexp.randomness import generator
from gradexp.rules import COUNT, WHOLE, BatchSize, or_null

TOGETHER = 2**20  # bytes up to which the batches of a group are looked up at once: more does not stay in a core's cache

Batch = tuple[Tensor, Tensor]


class Source(Protocol):
    """Samples that are fetched a whole batch at a time."""

    @property
    def targets(self) -> Tensor:
        """Of all samples [samples, ...]; no input is read for them."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Tensor, /) -> Batch:
        """Inputs [batch, ...] and targets [batch, ...] of the samples at `indices` [batch]."""
        ...


class TensorSource:
    """Inputs [samples, ...] and targets [samples, ...] in memory, on whatever device holds them."""

    @checked
    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        if len(inputs) != len(targets):
            raise ValueError(f"inputs and targets must be equally many; got {len(inputs)} and {len(targets)}.")
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, indices: Tensor) -> Batch:
        return self.inputs[indices], self.targets[indices]

    def to(self, device: torch.device) -> "TensorSource":
        return TensorSource(self.inputs.to(device), self.targets.to(device))


class SubsetSource:
    """The samples of `source` at `indices`, in that order."""

    def __init__(self, source: Source, indices: Tensor) -> None:
        self.source = source
        self.indices = indices

    @property
    def targets(self) -> Tensor:
        return self.source.targets[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, indices: Tensor) -> Batch:
        return self.source[self.indices[indices]]


class BatchOrder:
    """The index tensors of one epoch's batches: a function of (seed, epoch, rank) alone.

    Args:
        num_samples: Size of the source.
        batch_size: Samples a batch and rank; None for all of a rank's samples in one batch.
        seed: Seed of the order; None for the order of the source.
        rank: This process among `world_size`; each has its own slice of a common permutation.
        world_size: Number of processes that share the epoch.
        even: Give every rank equally many samples by repeating up to `world_size - 1` of them, as training in step
            needs; without it every sample is seen exactly once, as evaluation needs.
        repeat: Passes over the source in one epoch.
    """

    @checked
    def __init__(
        self,
        num_samples: Annotated[int, WHOLE],
        batch_size: BatchSize,
        seed: Annotated[int | None, or_null(WHOLE)] = None,
        rank: int = 0,
        world_size: int = 1,
        even: bool = False,
        repeat: Annotated[int, COUNT] = 1,
    ) -> None:
        self.num_samples = num_samples
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.even = even
        self.repeat = repeat
        self.epoch = 0
        self.num_own = len(range(0 if even else rank, num_samples, world_size))
        self.batch_size = batch_size or max(1, self.num_own)

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of every training epoch."""
        self.epoch = epoch

    def indices(self, pass_number: int = 0) -> Tensor:
        """The samples of this rank in one pass of this epoch, in order [samples]."""
        if self.seed is None:
            order = torch.arange(self.num_samples)
        else:
            stream = generator("order", self.seed, self.epoch * self.repeat + pass_number)
            order = torch.randperm(self.num_samples, generator=stream)
        if self.even:
            missing = -self.num_samples % self.world_size
            order = torch.cat([order, order.repeat(-(-missing // self.num_samples))[:missing]])
        return order[self.rank :: self.world_size]

    def batches(self, device: torch.device | None = None) -> list[Tensor]:
        """The samples of each batch of this epoch, as indices on `device`."""
        if self.is_full_batch:
            # In whatever order its samples come, a full batch has the same gradient.
            return [torch.arange(self.num_samples, device=device)] * self.repeat
        passes = range(self.repeat if self.num_own else 0)
        return [batch for number in passes for batch in torch.split(self.indices(number).to(device), self.batch_size)]

    @property
    def is_full_batch(self) -> bool:
        """Whether every batch is the whole source."""
        return self.world_size == 1 and 0 < self.num_samples <= self.batch_size

    def __len__(self) -> int:
        return self.repeat * -(-self.num_own // self.batch_size)


class BatchLoader:
    """An epoch of batches of `source`; Lightning takes it wherever it takes a DataLoader.

    A source in memory is indexed where it lies, on the device that trains. Another is read by `num_workers` processes
    ahead of time. Its position within an epoch goes into the checkpoint, so that a run resumes in mid-epoch too.

    Args:
        source: The samples.
        order: Which of them are in which batch.
        num_workers: Processes that read ahead when the data is streamed.
        steps_per_execution: Consecutive batches of a source in memory that are given out at once, as a StepGroup, for
            modules that take as many optimizer steps without going back to Lightning in between; 1 for single batches.
        cut: A place within an epoch where a group ends too, as the fit does there.
    """

    @checked
    def __init__(
        self,
        source: Source,
        order: BatchOrder,
        num_workers: Annotated[int, WHOLE] = 0,
        steps_per_execution: Annotated[int, COUNT] = 1,
        cut: Annotated[int, WHOLE] = 0,
    ) -> None:
        self.source = source
        # Lightning reads these two of any loader, and calls the sampler's set_epoch.
        self.sampler = order
        self.batch_sampler = None
        self.num_workers = num_workers
        self.steps_per_execution = steps_per_execution
        self._bounds = group_bounds(len(order), steps_per_execution, cut)
        self._position = 0
        self._start = 0  # of the next epoch; above 0 in the first one after resuming

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @property
    def groups_done(self) -> int | None:
        """Whole groups before the place where the next epoch starts; None where that is an epoch's beginning."""
        return bisect_right(self._bounds, self._start) - 1 if self._start else None

    @property
    def batch_size(self) -> int:
        """Samples in a batch, of which an epoch's last may have fewer."""
        return self.sampler.batch_size

    @property
    def num_steps(self) -> int:
        """Batches in an epoch, each counted."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[Any]:  # of Batch, or of StepGroup
        self._position, self._start = self._start, 0
        device = self.source.inputs.device if isinstance(self.source, TensorSource) else None
        batches = self.sampler.batches(device)
        if self.steps_per_execution == 1:
            for batch in self._fetch(iter(batches[self._position :])):
                self._position += 1
                yield batch
        else:
            for begin, end in pairwise(self._bounds):
                if end > self._position:
                    group = self._fetch_together(batches[max(begin, self._position) : end])
                    self._position = end
                    yield group

    def _fetch(self, batches: Iterator[Tensor]) -> Iterator[Batch]:
        if isinstance(self.source, TensorSource):
            if self.sampler.is_full_batch:
                return repeat((self.source.inputs, self.source.targets), len(list(batches)))
            return map(self.source.__getitem__, batches)
        # With batch_size=None an item of the sampler, here the indices of a whole batch, indexes the dataset once.
        loader: DataLoader[Any] = DataLoader(
            self.source,  # type: ignore[arg-type]  # a Dataset in all but the name
            sampler=list(batches),
            batch_size=None,
            num_workers=self.num_workers,
        )
        return iter(loader)

    def _fetch_together(self, batches: Sequence[Tensor]) -> StepGroup:
        assert isinstance(self.source, TensorSource)
        if self.sampler.is_full_batch:
            return StepGroup([(self.source.inputs, self.source.targets)] * len(batches))
        if len(batches) * self._batch_bytes > TOGETHER:
            return StepGroup(batches, self.source.__getitem__)
        # One look-up for all of them, then views.
        inputs, targets = self.source[torch.cat(list(batches))]
        sizes = [len(batch) for batch in batches]
        return StepGroup(list(zip(torch.split(inputs, sizes), torch.split(targets, sizes), strict=True)))

    @property
    def _batch_bytes(self) -> int:
        assert isinstance(self.source, TensorSource)
        whole = self.source.inputs.nbytes + self.source.targets.nbytes
        return self.sampler.batch_size * whole // max(1, len(self.source))

    def give_back(self, batches: int) -> None:
        """The last `batches` of what was given out were not trained on, since the fit ends."""
        self._position -= batches

    def state_dict(self) -> dict[str, Any]:
        return {"position": self._position % max(1, self.num_steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on within an epoch."""
        self._start = self._position = state["position"]


def split_indices(num_samples: int, val_size: int | float, seed: int) -> tuple[Tensor, Tensor]:
    """Indices of the training and of the validation samples, disjoint, drawn by `seed`.

    Args:
        num_samples: Size of the whole.
        val_size: Validation samples, as a number or as a fraction of the whole.
        seed: Seed of the draw.

    Raises:
        ValueError: No sample would be left to train on.
    """
    num_val = round(val_size * num_samples) if isinstance(val_size, float) else val_size
    if num_val >= num_samples:
        raise ValueError(
            f"data.val_size must leave samples to train on: below {num_samples}, the size of the training part; "
            f"got {val_size}."
        )
    order = torch.randperm(num_samples, generator=generator("split", seed))
    return order[num_val:], order[:num_val]
