"""Data modules: batches for any LightningModule, from one source a file."""

from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.augmentation import RandomGeometry
from gradexp.data.batches import BatchLoader, BatchOrder, TensorSource
from gradexp.data.blobs import Blobs
from gradexp.data.breast_cancer import BreastCancer
from gradexp.data.diabetes import Diabetes
from gradexp.data.digits import Digits
from gradexp.data.image_datamodule import ImageDataModule
from gradexp.data.image_folder import ImageFolder
from gradexp.data.linear import LinearData
from gradexp.data.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from gradexp.data.nothing import NoData
from gradexp.data.points import Points
from gradexp.data.polynomial import PolynomialData
from gradexp.data.samples import Samples
from gradexp.data.separable import Separable
from gradexp.data.table import Table
from gradexp.data.tensor_datamodule import TensorDataModule

__all__ = [
    "EMNIST",
    "KMNIST",
    "MNIST",
    "AbstractDataModule",
    "BatchLoader",
    "BatchOrder",
    "Blobs",
    "BreastCancer",
    "Diabetes",
    "Digits",
    "FashionMNIST",
    "ImageDataModule",
    "ImageFolder",
    "LinearData",
    "NoData",
    "Points",
    "PolynomialData",
    "RandomGeometry",
    "Samples",
    "Separable",
    "Table",
    "TensorDataModule",
    "TensorSource",
]
