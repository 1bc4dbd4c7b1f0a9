"""Data modules: batches for any LightningModule, from one source a file."""

from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.augmentation import RandomGeometry
from gradexp.data.batches import BatchLoader, BatchOrder, TensorSource
from gradexp.data.digits import Digits
from gradexp.data.image_datamodule import ImageDataModule
from gradexp.data.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from gradexp.data.samples import Samples

__all__ = [
    "EMNIST",
    "KMNIST",
    "MNIST",
    "AbstractDataModule",
    "BatchLoader",
    "BatchOrder",
    "Digits",
    "FashionMNIST",
    "ImageDataModule",
    "RandomGeometry",
    "Samples",
    "TensorSource",
]
