"""Two linearly separable classes, on which the perceptron converges."""

from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.randomness import generator
from gradexp.rules import COUNT, MARGIN, BatchSize, SampleNumber


@final
class Separable(TensorDataModule):
    """Points uniform in [-1, 1]^features on both sides of a plane, at a distance of at least `margin` from it.

    `seed` draws the plane and the points; the test part has as many further points.

    Args:
        num_features: Number of features.
        margin: Half the width of the gap.
        num_samples: Samples per part.
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    def __init__(
        self,
        num_features: Annotated[int, COUNT] = 2,
        margin: Annotated[float, MARGIN] = 0.1,
        num_samples: Annotated[int, COUNT] = 200,
        batch_size: BatchSize = 1,
        val_size: SampleNumber = 0,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
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
        # At most a quarter away from the centre, so that both sides get points.
        offset = (torch.rand((), generator=plane).item() - 0.5) / 2
        stream = generator(f"separable/{part}", self.seed)
        inputs = torch.empty(0, self._num_features)
        while len(inputs) < self.num_samples:
            points = 2 * torch.rand(self.num_samples, self._num_features, generator=stream) - 1
            inputs = torch.cat([inputs, points[(points @ normal + offset).abs() >= self.margin]])
        inputs = inputs[: self.num_samples]
        return inputs, (inputs @ normal + offset > 0).long()
