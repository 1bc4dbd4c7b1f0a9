"""What the real sets share that scikit-learn ships."""

from typing import Literal

import torch
from torch import Tensor

from gradexp.data.tensor_datamodule import TensorDataModule


class BundledDataModule(TensorDataModule):
    """A small real set, standardised by its training samples. A final sub-class says which.

    Args:
        batch_size, val_size, seed, repeat, steps_per_execution: See AbstractDataModule.
    """

    def __init__(
        self,
        batch_size: int | None = None,
        val_size: int | float = 0.2,
        seed: int = 0,
        repeat: int = 1,
        steps_per_execution: int = 1,
    ) -> None:
        super().__init__(batch_size, val_size, seed, repeat, steps_per_execution, standardize=True)


def every_fifth(inputs: Tensor, targets: Tensor, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
    """The training or the test part of a set that has no official one: every fifth sample is kept for the test."""
    in_test = torch.arange(len(inputs)) % 5 == 4
    chosen = in_test if part == "test" else ~in_test
    return inputs[chosen], targets[chosen]
