"""Data modules, one per file: batches for any LightningModule."""

from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.abstract_dataset import Samples
from gradexp.data.batch_loader import BatchLoader
from gradexp.data.batch_order import BatchOrder
from gradexp.data.generated.classification import Blobs, Separable
from gradexp.data.generated.points import NoData, Points
from gradexp.data.generated.regression import LinearData, PolynomialData
from gradexp.data.images.augmentation import RandomGeometry
from gradexp.data.images.digits import Digits
from gradexp.data.images.image_datamodule import ImageDataModule
from gradexp.data.images.image_folder import ImageFolder
from gradexp.data.images.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from gradexp.data.sources import TensorSource
from gradexp.data.tables.bundled import BreastCancer, Diabetes
from gradexp.data.tables.table import Table
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
