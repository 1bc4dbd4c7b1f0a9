"""Classes of a user's own package, some of which a stack can train."""

from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

from gradexp.data import Blobs
from gradexp.data.sources import Batch
from gradexp.models import AbstractClassifier
from gradexp.models.layers import multi_layer_perceptron


class NoisyBlobs(Blobs):  # type: ignore[misc]  # final for us
    """Points that a transform of torchvision's and one of the user's move in every step."""

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self.augment = v2.Compose([v2.GaussianNoise(sigma=0.3, clip=False), self.scaled])

    @staticmethod
    def scaled(inputs: Tensor) -> Tensor:
        return inputs * torch.rand(len(inputs), 1)


class ShiftedBlobs(Blobs):  # type: ignore[misc]
    """Points that a hook of the user's moves."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        inputs, targets = super().on_after_batch_transfer(batch, dataloader_idx)
        return inputs + 1, targets


class Doubled(AbstractClassifier):
    """A classifier with an objective of its own."""

    def __init__(self, in_features: int, num_classes: int, **options: Any) -> None:
        super().__init__(multi_layer_perceptron(in_features, num_classes, (4,)), num_classes=num_classes, **options)
        self.save_hyperparameters()

    def training_objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        objective, outputs = super().training_objective(batch)
        return 2 * objective, outputs
