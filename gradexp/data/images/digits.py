"""The handwritten digits that scikit-learn ships: 1,797 images of 8 x 8 pixels, ten classes, no network."""

from typing import Literal, Unpack, final

import torch

from gradexp.data.images.image_datamodule import ImageDataModule, ImageSource
from gradexp.data.options import ImageOptions
from gradexp.rules import BatchSize, SampleNumber


@final
class Digits(ImageDataModule):
    """Optical recognition of handwritten digits (Alpaydin and Kaynak 1998), as bundled with scikit-learn.

    The set has no official test part: every fifth image is kept for the test, 359 of 1,797, whatever the seed.

    Args:
        data_dir: Not needed; taken so that all data modules are made alike.
        augmentation: Arguments of RandomGeometry; None for the images as they are.
        batch_size, val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    def __init__(
        self,
        data_dir: str | None = None,
        batch_size: BatchSize = 32,
        val_size: SampleNumber = 200,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 1, 8, 8

    @property
    def classes(self) -> list[str]:
        return [str(digit) for digit in range(10)]

    @property
    def white(self) -> int:
        return 16  # each pixel counts the dark ones among 4 x 4 of the scan

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        from sklearn.datasets import load_digits  # costs a second, so only where it is used

        bunch = load_digits()
        images = torch.from_numpy(bunch.images).to(torch.uint8).unsqueeze(1)
        targets = torch.from_numpy(bunch.target).long()
        in_test = torch.arange(len(images)) % 5 == 4
        chosen = in_test if part == "test" else ~in_test
        return ImageSource(images[chosen], targets[chosen])
