"""Sources of samples, which are read a whole batch at a time: tensors in memory, subsets, and test parts."""

from typing import Literal, Protocol

import torch
from torch import Tensor

from gradexp.arguments import checked
from gradexp.randomness import generator

GIB = 2**30
MIN_SAMPLES = 5  # of a user's data: one for the test, one for validation, three for training

Batch = tuple[Tensor, Tensor]


class Source(Protocol):
    """Samples that are read a whole batch at a time."""

    @property
    def targets(self) -> Tensor:
        """Targets of all samples [samples, ...]; reading them reads no inputs."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Tensor, /) -> Batch:
        """Inputs [batch, ...] and targets [batch, ...] of the samples at `indices` [batch]."""
        ...


class TensorSource:
    """Inputs [samples, ...] and targets [samples, ...] in the memory of any device."""

    @checked
    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        if len(inputs) != len(targets):
            raise ValueError(f"inputs and targets must be equally many; got {len(inputs)} and {len(targets)}.")
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, indices: Tensor) -> Batch:
        # A third of the time of `self.inputs[indices]`.
        return self.inputs.index_select(0, indices), self.targets.index_select(0, indices)

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


def read_all(source: Source) -> Batch:
    """Inputs [samples, ...] and targets [samples, ...] of all samples."""
    return source[torch.arange(len(source))]


def load_if_small(source: Source, limit: float) -> Source:
    """The samples as tensors in memory if they take at most `limit` GiB, otherwise `source` itself."""
    if len(source) == 0:
        return source
    first = source[torch.zeros(1, dtype=torch.long)]
    is_large = len(source) * sum(tensor.nbytes for tensor in first) > limit * GIB
    return source if is_large else TensorSource(*read_all(source))


def every_fifth(inputs: Tensor, targets: Tensor, part: Literal["train", "test"]) -> Batch:
    """The training or the test part of a data set without an official split: every fifth sample is a test sample."""
    in_test = torch.arange(len(inputs)) % 5 == 4
    in_part = in_test if part == "test" else ~in_test
    return inputs[in_part], targets[in_part]


def draw_test_part(number: int, test_size: int | float, unit: Literal["rows", "images"]) -> Tensor:
    """Whether each of the user's `number` rows or images is in the test part [number]; it does not depend on a seed.

    Raises:
        ValueError: Fewer than MIN_SAMPLES - 1 would be left to train and validate on.
    """
    num_test = max(1, round(test_size * number)) if isinstance(test_size, float) else test_size
    most = number - MIN_SAMPLES + 1
    if num_test > most >= 1:  # data of fewer samples has a message of its own
        raise ValueError(
            f"data.test_size must leave {MIN_SAMPLES - 1} {unit} to train and validate on: at most {most} of the "
            f"{number}; got {test_size}."
        )
    in_test = torch.zeros(number, dtype=torch.bool)
    in_test[torch.randperm(number, generator=generator(f"test {unit}"))[:num_test]] = True
    return in_test
