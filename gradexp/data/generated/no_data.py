"""No data: for models whose loss depends on their parameters alone."""

from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import StepOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.rules import COUNT


@final
class NoData(TensorDataModule):
    """Empty batches; an epoch is `repeat` steps.

    Args:
        repeat, seed, steps_per_execution: See AbstractDataModule.
    """

    num_features = 0

    def __init__(self, repeat: Annotated[int, COUNT] = 1000, **options: Unpack[StepOptions]) -> None:
        super().__init__(None, 0, repeat=repeat, **options)

    def sizes(self) -> dict[str, int]:
        return {}

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        return torch.zeros(1, 0), torch.zeros(1, 1)
