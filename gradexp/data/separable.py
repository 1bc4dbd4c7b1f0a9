"""Two classes with a gap between them: data on which a perceptron must come to rest."""

from typing import Literal, final

import torch
from torch import Tensor

from gradexp.checks import check
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.randomness import generator


@final
class Separable(TensorDataModule):
    """Points uniform in [-1, 1]^features on the two sides of a plane, none of them nearer to it than `margin`.

    The plane and the points are drawn by `seed`; the test part is as many further points.

    Args:
        num_features: Number of features.
        margin: Half the width of the gap.
        num_samples: Samples drawn for a part.
        batch_size, val_size, seed, repeat, steps_per_execution: See AbstractDataModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        num_features: int = 2,
        margin: float = 0.1,
        num_samples: int = 200,
        batch_size: int | None = 1,
        val_size: int | float = 0,
        seed: int = 0,
        repeat: int = 1,
        steps_per_execution: int = 1,
    ) -> None:
        super().__init__(batch_size, val_size, seed, repeat, steps_per_execution)
        check("data.", num_features=num_features, margin=margin, num_samples=num_samples)
        self._num_features = num_features
        self.margin = margin
        self.num_samples = num_samples

    @property
    def num_features(self) -> int:
        return self._num_features

    @property
    def classes(self) -> list[str]:
        return ["below", "above"]

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        plane = generator("separable/plane", self.seed)
        normal = torch.randn(self._num_features, generator=plane)
        normal /= normal.norm()
        # At most a quarter off the middle, so that both sides have room.
        offset = (torch.rand((), generator=plane).item() - 0.5) / 2
        stream = generator(f"separable/{part}", self.seed)
        kept, number = [], 0
        while number < self.num_samples:
            points = 2 * torch.rand(self.num_samples, self._num_features, generator=stream) - 1
            apart = points[(points @ normal + offset).abs() >= self.margin]
            kept.append(apart)
            number += len(apart)
        inputs = torch.cat(kept)[: self.num_samples]
        return inputs, (inputs @ normal + offset > 0).long()
