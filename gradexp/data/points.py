"""A handful of points, written down in the configuration."""

from collections.abc import Sequence
from typing import Literal, final

import torch
from torch import Tensor

from gradexp.checks import check
from gradexp.data.tensor_datamodule import TensorDataModule


@final
class Points(TensorDataModule):
    """The given points; there are no others, so the test part is the same points.

    Args:
        inputs: Features of each point.
        targets: A number each; with `classes` the number of its class.
        classes: Names of the classes; none where the targets are real numbers.
        batch_size, seed, repeat, steps_per_execution, shuffle: See AbstractDataModule.

    Raises:
        ValueError: The points have no common number of features, or no target each.
    """

    def __init__(
        self,
        inputs: Sequence[Sequence[float]],
        targets: Sequence[float],
        classes: Sequence[str] = (),
        batch_size: int | None = None,
        seed: int = 0,
        repeat: int = 1,
        steps_per_execution: int = 1,
        shuffle: bool = True,
    ) -> None:
        super().__init__(batch_size, 0, seed, repeat, steps_per_execution, shuffle)
        check("data.", inputs=inputs, targets=targets)
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
