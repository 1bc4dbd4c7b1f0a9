"""Tiny data sets for the tests: IDX files, and a data module whose targets are the numbers of the samples."""

import gzip
import hashlib
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import torch
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from gradexp.data import ImageDataModule
from gradexp.data.images.image_datamodule import ImageSource
from gradexp.data.images.torchvision_datamodule import TorchvisionDataModule

Bytes = NDArray[np.uint8]

TRAIN, TEST = 60, 20
UNREACHABLE = "http://127.0.0.1:9"


def random_images(number: int, height: int = 28, width: int = 28, seed: int = 0) -> Bytes:
    """Grey images with black borders and different brightness, so that subsets have different means."""
    rng = np.random.default_rng(seed)
    brightness = rng.uniform(0.2, 1.0, (number, 1, 1))
    images = (rng.integers(0, 256, (number, height, width)) * brightness).astype(np.uint8)
    images[:, [0, -1]] = 0
    images[:, :, [0, -1]] = 0
    return images


@final
class TinyImages(ImageDataModule):
    """60 training and 20 test images of 6 x 6 pixels; the target of a sample is its number, 60 to 79 for the test."""

    image_shape = (1, 6, 6)

    def __init__(
        self,
        batch_size: int | None = 10,
        val_size: int | float = 20,
        eval_batch_size: int = 8,
        **options: Any,
    ) -> None:
        super().__init__(batch_size, val_size, eval_batch_size, **options)
        self.images = random_images(TRAIN + TEST, 6, 6)
        self.reads: list[str] = []

    @property
    def classes(self) -> list[str]:
        return [str(number) for number in range(TRAIN + TEST)]

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        self.reads.append(part)
        numbers = torch.arange(TRAIN) if part == "train" else torch.arange(TRAIN, TRAIN + TEST)
        return ImageSource(torch.from_numpy(self.images)[numbers].unsqueeze(1), numbers)


def idx_bytes(array: Bytes) -> bytes:
    """The content of an IDX file, as specified."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_idx(path: Path, array: Bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(idx_bytes(array))
    return path


def mnist_arrays(num_classes: int = 10) -> dict[str, Bytes]:
    """The four files of a data set like MNIST by name; the labels contain every class."""
    images, labels = random_images(TRAIN + TEST), np.arange(TRAIN + TEST, dtype=np.uint8) % num_classes
    return {
        "train-images-idx3-ubyte": images[:TRAIN],
        "train-labels-idx1-ubyte": labels[:TRAIN],
        "t10k-images-idx3-ubyte": images[TRAIN:],
        "t10k-labels-idx1-ubyte": labels[TRAIN:],
    }


def write_archives(folder: Path) -> list[tuple[str, str]]:
    """Write the four files as archives, and return their names and MD5 sums as torchvision lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    resources = []
    for name, array in mnist_arrays().items():
        archive = gzip.compress(idx_bytes(array), mtime=0)
        (folder / f"{name}.gz").write_bytes(archive)
        resources.append((f"{name}.gz", md5(folder / f"{name}.gz")))
    return resources


def check_data(module: TorchvisionDataModule) -> None:
    """Assert that the module reads the data of `mnist_arrays`."""
    assert (len(module.load("train")), len(module.load("test"))) == (TRAIN, TEST)
    assert_array_equal(module.load("test").images[:, 0], mnist_arrays()["t10k-images-idx3-ubyte"])


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()
