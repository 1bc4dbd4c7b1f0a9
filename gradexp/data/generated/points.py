"""A few points that are listed in the configuration, or no data at all."""

from collections.abc import Sequence
from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions, StepOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.rules import COUNT, FINITE, POINTS, BatchSize, list_of


@final
class Points(TensorDataModule):
    """The listed points; training and test part are the same.

    Args:
        inputs: Features of each point.
        targets: A number for each point; with `classes` its class number.
        classes: Class names; empty for regression.
        batch_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.

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


@final
class NoData(TensorDataModule):
    """Empty batches, for models whose loss depends on their parameters alone; an epoch is `repeat` steps.

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
