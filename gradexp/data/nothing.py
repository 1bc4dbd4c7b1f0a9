"""No data: for models whose loss depends on their parameters alone."""

from typing import Literal, final

import torch
from torch import Tensor

from gradexp.data.tensor_datamodule import TensorDataModule


@final
class NoData(TensorDataModule):
    """Empty batches; an epoch is `repeat` steps.

    Args:
        seed, repeat, steps_per_execution: See AbstractDataModule.
    """

    def __init__(self, seed: int = 0, repeat: int = 1000, steps_per_execution: int = 1) -> None:
        super().__init__(None, 0, seed, repeat, steps_per_execution)

    @property
    def num_features(self) -> int:
        return 0

    @property
    def classes(self) -> list[str]:
        return []

    def sizes(self) -> dict[str, int]:
        return {}

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        return torch.zeros(1, 0), torch.zeros(1, 1)
