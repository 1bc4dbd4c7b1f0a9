"""scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels in ten classes, bundled with the library."""

import functools
from typing import Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.images.image_datamodule import ImageDataModule, ImageSource
from gradexp.data.options import ImageOptions
from gradexp.data.sources import every_fifth
from gradexp.rules import BatchSize, SampleNumber


@final
class Digits(ImageDataModule):
    """Optical recognition of handwritten digits (Alpaydin and Kaynak 1998), as bundled with scikit-learn.

    The data set has no official test part: every fifth image is a test image, 359 of 1,797, whatever the seed.

    Args:
        data_dir: Ignored; all image data modules accept it.
        augmentation: Arguments of RandomGeometry; None for no augmentation.
        batch_size, val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    image_shape = (1, 8, 8)
    white = 16  # a pixel is the number of inked pixels in a block of 4 x 4 of the scan

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: BatchSize = 32,
        val_size: SampleNumber = 200,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)

    @property
    def classes(self) -> list[str]:
        return [str(digit) for digit in range(10)]

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        return ImageSource(*every_fifth(*_bundled(), part))


@functools.cache
def _bundled() -> tuple[Tensor, Tensor]:
    """All images [samples, 1, 8, 8] and their classes [samples], read once per process: a run loads both parts."""
    from sklearn.datasets import load_digits  # takes a second

    bunch = load_digits()
    return torch.from_numpy(bunch.images).to(torch.uint8).unsqueeze(1), torch.from_numpy(bunch.target).long()
