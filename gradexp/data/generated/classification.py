"""Classes in space: normal clusters, and two classes on both sides of a plane."""

import math
from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.randomness import generator
from gradexp.rules import COUNT, MARGIN, NON_NEGATIVE, BatchSize, SampleNumber, at_least


@final
class Blobs(TensorDataModule):
    """Normal clusters of standard deviation 1, centred evenly on a circle in the plane of the first two features.

    `split_seed` draws the samples; the test part has as many further ones.

    Args:
        num_classes: Number of clusters.
        num_features: Number of features; all beyond the first two are noise.
        radius: Radius of the circle, in standard deviations of a cluster.
        num_samples: Samples per part; the numbers of samples per class differ by at most 1.
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    def __init__(
        self,
        num_classes: Annotated[int, at_least(2)] = 2,
        num_features: Annotated[int, COUNT] = 2,
        radius: Annotated[float, NON_NEGATIVE] = 2.0,
        num_samples: Annotated[int, COUNT] = 500,
        batch_size: BatchSize = 32,
        val_size: SampleNumber = 0.2,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self._num_classes = num_classes
        self._num_features = num_features
        self.radius = radius
        self.num_samples = num_samples

    @property
    def num_features(self) -> int:
        return self._num_features

    @property
    def classes(self) -> list[str]:
        return [str(number) for number in range(self._num_classes)]

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        stream = generator(f"blobs/{part}", self.split_seed)
        targets = torch.arange(self.num_samples) % self._num_classes
        inputs = torch.randn(self.num_samples, self._num_features, generator=stream)
        angles = 2 * math.pi * targets / self._num_classes
        centres = self.radius * torch.stack([angles.cos(), angles.sin()], dim=1)[:, : self._num_features]
        inputs[:, : centres.shape[1]] += centres
        return inputs, targets


@final
class Separable(TensorDataModule):
    """Points uniform in [-1, 1]^features on both sides of a plane, at a distance of at least `margin` from it.

    The perceptron converges on them. `split_seed` draws the plane and the points; the test part has as many
    further points.

    Args:
        num_features: Number of features.
        margin: Half the width of the gap.
        num_samples: Samples per part.
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
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
        plane = generator("separable/plane", self.split_seed)
        normal = torch.randn(self._num_features, generator=plane)
        normal /= normal.norm()
        # At most a quarter away from the centre, so that both sides get points.
        offset = (torch.rand((), generator=plane).item() - 0.5) / 2
        stream = generator(f"separable/{part}", self.split_seed)
        inputs = torch.empty(0, self._num_features)
        while len(inputs) < self.num_samples:
            points = 2 * torch.rand(self.num_samples, self._num_features, generator=stream) - 1
            inputs = torch.cat([inputs, points[(points @ normal + offset).abs() >= self.margin]])
        inputs = inputs[: self.num_samples]
        return inputs, (inputs @ normal + offset > 0).long()
