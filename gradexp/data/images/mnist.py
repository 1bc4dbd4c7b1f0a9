"""MNIST, FashionMNIST and KMNIST."""

from typing import final

from torchvision import datasets

from gradexp.data.images.torchvision_datamodule import TorchvisionDataModule


@final
class MNIST(TorchvisionDataModule):
    """Handwritten digits, 60,000 and 10,000 images (LeCun, Cortes and Burges 1998)."""

    dataset_class = datasets.MNIST


@final
class FashionMNIST(TorchvisionDataModule):
    """Articles of clothing, 60,000 and 10,000 images (Xiao, Rasul and Vollgraf 2017)."""

    dataset_class = datasets.FashionMNIST


@final
class KMNIST(TorchvisionDataModule):
    """Cursive Japanese characters, 60,000 and 10,000 images (Clanuwat et al. 2018)."""

    dataset_class = datasets.KMNIST
