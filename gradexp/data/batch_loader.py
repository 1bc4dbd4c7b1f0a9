"""The batches of an epoch, from memory or streamed; a checkpoint keeps the position within the epoch."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gradexp.arguments import checked
from gradexp.data.batch_order import BatchOrder
from gradexp.data.sources import Batch, Source, TensorSource
from gradexp.engine.step_groups import StepGroup, group_bounds
from gradexp.rules import COUNT, WHOLE

GROUP_BYTES = 2**20  # up to which the batches of a group are indexed at once: larger ones do not fit in a core's cache


class BatchLoader:
    """The batches of an epoch of `source`. Lightning takes it wherever it takes a DataLoader.

    A source in memory is indexed on its device. Any other source is read ahead by `num_workers` processes. Checkpoints
    keep the position within the epoch, so that a run can resume in the middle of an epoch.

    Args:
        source: The samples.
        order: Which samples are in which batch.
        num_workers: Processes that read ahead when the data is streamed.
        steps_per_execution: Consecutive batches of a source in memory that are yielded together as a StepGroup, for
            modules that take several optimizer steps per call from Lightning; 1 for single batches.
        cut: A position within the epoch at which a group must end, because the fit ends there.
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
        # Lightning reads these two attributes of any loader, and calls the sampler's set_epoch.
        self.sampler = order
        self.batch_sampler = None
        self.num_workers = num_workers
        self.steps_per_execution = steps_per_execution
        self._bounds = group_bounds(len(order), steps_per_execution, cut)
        self._position = 0
        self._start = 0  # of the next epoch; above 0 in the first epoch after resuming

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @property
    def groups_done(self) -> int | None:
        """Whole groups before the position where the next epoch starts; None if it starts at its beginning."""
        return bisect_right(self._bounds, self._start) - 1 if self._start else None

    @property
    def batch_size(self) -> int:
        """Samples per batch; the last batch of an epoch may have fewer."""
        return self.sampler.batch_size

    @property
    def num_steps(self) -> int:
        """Batches in an epoch; a group counts as its batches."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[Any]:  # of Batch, or of StepGroup
        self._position, self._start = self._start, 0
        device = self.source.inputs.device if isinstance(self.source, TensorSource) else None
        batches = self.sampler.batches(device)
        if self.steps_per_execution == 1:
            for batch in self._read(batches[self._position :]):
                self._position += 1
                yield batch
        else:
            for begin, end in pairwise(self._bounds):
                if end > self._position:
                    group = self._read_group(batches[max(begin, self._position) : end])
                    self._position = end
                    yield group

    def _read(self, batches: list[Tensor]) -> Iterator[Batch]:
        if isinstance(self.source, TensorSource):
            if self.sampler.is_full_batch:
                return repeat((self.source.inputs, self.source.targets), len(batches))
            return map(self.source.__getitem__, batches)
        # With batch_size=None, DataLoader indexes the dataset once with each item of the sampler: a whole batch.
        loader: DataLoader[Any] = DataLoader(
            self.source,  # type: ignore[arg-type]  # a Dataset in all but the name
            sampler=batches,
            batch_size=None,
            num_workers=self.num_workers,
        )
        return iter(loader)

    def _read_group(self, batches: Sequence[Tensor]) -> StepGroup:
        assert isinstance(self.source, TensorSource)
        inputs, targets = self.source.inputs, self.source.targets
        if self.sampler.is_full_batch:
            return StepGroup([(inputs, targets)] * len(batches))
        batch_bytes = self.sampler.batch_size * (inputs.nbytes + targets.nbytes) // max(1, len(self.source))
        if len(batches) * batch_bytes > GROUP_BYTES:
            return StepGroup(batches, self.source.__getitem__)
        # One indexing operation for the whole group; the batches are views.
        inputs, targets = self.source[torch.cat(list(batches))]
        sizes = [len(batch) for batch in batches]
        return StepGroup(list(zip(torch.split(inputs, sizes), torch.split(targets, sizes), strict=True)))

    def give_back(self, batches: int) -> None:
        """Move the position back by `batches` that were yielded but not trained on, because the fit ended."""
        self._position -= batches

    def state_dict(self) -> dict[str, Any]:
        return {"position": self._position % max(1, self.num_steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue at the saved position within an epoch."""
        self._start = self._position = state["position"]
