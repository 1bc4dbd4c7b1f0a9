"""What the real sets share that scikit-learn ships."""

from typing import Literal, Unpack

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.rules import BatchSize, SampleNumber


class BundledDataModule(TensorDataModule):
    """A small real set, standardised by its training samples. A final sub-class says which.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    def __init__(
        self,
        batch_size: BatchSize = None,
        val_size: SampleNumber = 0.2,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, standardize=True, **options)


def every_fifth(inputs: Tensor, targets: Tensor, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
    """The training or the test part of a set that has no official one: every fifth sample is kept for the test."""
    in_test = torch.arange(len(inputs)) % 5 == 4
    chosen = in_test if part == "test" else ~in_test
    return inputs[chosen], targets[chosen]
