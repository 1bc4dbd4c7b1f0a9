"""A few points, listed in the configuration."""

from collections.abc import Sequence
from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.rules import FINITE, POINTS, BatchSize, list_of


@final
class Points(TensorDataModule):
    """The listed points; training and test part are the same.

    Args:
        inputs: Features of each point.
        targets: A number for each point; with `classes` its class number.
        classes: Class names; empty for regression.
        batch_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.

    Raises:
        ValueError: The points differ in their number of features, or the targets do not fit them.
    """

    def __init__(
        self,
        inputs: Annotated[Sequence[Sequence[float]], POINTS],
        targets: Annotated[Sequence[float], list_of(FINITE, "a list of numbers, one a point")],
        classes: Sequence[str] = (),
        batch_size: BatchSize = None,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, 0, **options)
        if len(inputs) != len(targets):
            raise ValueError(
                f"data.targets must be as many as data.inputs, {len(inputs)}; got {len(targets)}: {list(targets)}."
            )
        if classes and not all(target in range(len(classes)) for target in targets):
            raise ValueError(
                f"data.targets must be the numbers of data.classes, 0 to {len(classes) - 1}; got {list(targets)}."
            )
        self.inputs = torch.tensor(inputs, dtype=torch.float32)
        self._classes = list(classes)
        self.targets = torch.tensor(targets).long() if classes else torch.tensor(targets).float().unsqueeze(1)

    @property
    def num_features(self) -> int:
        return self.inputs.shape[1]

    @property
    def classes(self) -> list[str]:
        return self._classes

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        return self.inputs, self.targets
