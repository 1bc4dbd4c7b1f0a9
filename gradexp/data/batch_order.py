"""The order of the samples in an epoch, and their division into batches."""

from typing import Annotated

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from gradexp.arguments import checked
from gradexp.randomness import generator
from gradexp.rules import COUNT, WHOLE, BatchSize, or_null


class BatchOrder:
    """The index tensors of one epoch's batches: a function of (seed, epoch, rank) alone.

    Args:
        num_samples: Size of the source.
        batch_size: Samples per batch and rank; None for all of a rank's samples in one batch.
        seed: Seed of the order; None for the order of the source.
        rank: Number of this process among `world_size`; each has its own slice of a common permutation.
        world_size: Number of processes that share the epoch.
        even: Give every rank the same number of samples by repeating up to `world_size - 1` of them, as synchronous
            training needs; otherwise every sample is seen exactly once, as evaluation needs.
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
        self.num_rank_samples = len(range(0 if even else rank, num_samples, world_size))
        self.batch_size = batch_size or max(1, self.num_rank_samples)

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
            # The gradient of a full batch does not depend on the order of its samples.
            return [torch.arange(self.num_samples, device=device)] * self.repeat
        passes = range(self.repeat if self.num_rank_samples else 0)
        return [batch for number in passes for batch in torch.split(self.indices(number).to(device), self.batch_size)]

    @property
    def smallest_batch(self) -> int:
        """Samples of the smallest batch, which is the last of a pass."""
        return self.num_rank_samples % self.batch_size or min(self.batch_size, self.num_rank_samples)

    @property
    def is_full_batch(self) -> bool:
        """Whether every batch is the whole source."""
        return self.world_size == 1 and 0 < self.num_samples <= self.batch_size

    def __len__(self) -> int:
        return self.repeat * -(-self.num_rank_samples // self.batch_size)


class FixedOrder(BatchOrder, SequentialSampler):
    """The order of the first epoch in every epoch, for `trainer.overfit_batches`.

    Lightning takes any other sampler than a SequentialSampler for one that shuffles, and warns.
    """

    def set_epoch(self, epoch: int) -> None:
        """The epoch changes nothing."""
