"""The base of image data modules: grey or colour images as bytes, normalised by the training images' mean and std."""

import copy
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Unpack

import torch
from platformdirs import user_cache_dir
from torch import Tensor

from gradexp.building.construct import construct
from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.abstract_dataset import Samples
from gradexp.data.images.augmentation import RandomGeometry
from gradexp.data.images.given_images import raw_images
from gradexp.data.images.image_files import SHOWN, classes_by_folder, image_paths, read_image
from gradexp.data.options import DataOptions
from gradexp.data.preprocessors import PixelScaler
from gradexp.data.sources import Batch, Source
from gradexp.files import name_of, user_path
from gradexp.rules import COUNT, NON_NEGATIVE, SECTION, WHOLE, BatchSize, SampleNumber, or_null
from gradexp.untrusted import NUMBER, check_kinds

if TYPE_CHECKING:
    import polars as pl  # takes half a second

MEASURED = 10_000  # images from which mean and std are computed if the training part does not fit in memory


def data_folder(data_dir: str | None) -> Path:
    """The folder `data_dir`; without it the folder that GRADEXP_DATA_DIR names, or else the user's cache."""
    folder = data_dir or os.environ.get("GRADEXP_DATA_DIR") or user_cache_dir("gradexp", appauthor=False)
    return user_path(folder).absolute()


class ByteSource(ABC):
    """Images of one size as bytes, and their classes [samples]; reading normalises them to (byte - mean) / std.

    `files` are the names of their files; None if they have none.
    """

    def __init__(self, targets: Tensor, files: Sequence[str] | None = None) -> None:
        self.targets = targets
        self.files = files
        self.mean, self.std = 0.0, 1.0

    @abstractmethod
    def pixels(self, indices: Tensor) -> Tensor:
        """The images at `indices`, not normalised [batch, channels, height, width], uint8."""

    def normalised(self, mean: float, std: float) -> "ByteSource":
        """The same images with this normalisation."""
        source = copy.copy(self)
        source.mean, source.std = mean, std
        return source

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, indices: Tensor) -> Batch:
        return self.pixels(indices).float().sub_(self.mean).div_(self.std), self.targets[indices]


class ImageSource(ByteSource):
    """Images [samples, channels, height, width], uint8, in memory, and their classes [samples], int64."""

    def __init__(self, images: Tensor, targets: Tensor, files: Sequence[str] | None = None) -> None:
        assert images.dtype == torch.uint8
        assert images.ndim == 4
        super().__init__(targets, files)
        self.images = images

    def pixels(self, indices: Tensor) -> Tensor:
        return self.images[indices]


class ImageDataModule(AbstractDataModule):
    """Labelled images of one size; a final sub-class implements `load`, `image_shape` and `classes`."""

    # Whether images to predict that show ink on paper are inverted, because the data shows bright figures on black.
    invert_paper: ClassVar[bool] = True
    white: ClassVar[int] = 255  # the byte value of full brightness

    def __init__(
        self,
        batch_size: BatchSize,
        val_size: SampleNumber,
        eval_batch_size: Annotated[int, COUNT] = 1000,
        augmentation: Annotated[Mapping[str, Any] | None, or_null(SECTION)] = None,
        num_workers: Annotated[int, WHOLE] = 0,
        memory_limit: Annotated[float, NON_NEGATIVE] = 2.0,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(
            batch_size, val_size, eval_batch_size, num_workers=num_workers, memory_limit=memory_limit, **options
        )
        self.augmentation = dict(augmentation or {})
        self.mean: float | None = None
        self.std: float | None = None
        construct(RandomGeometry, "augmentation", given=self.augmentation, offered={})  # to raise errors early

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""

    @abstractmethod
    def load(self, part: Literal["train", "test"]) -> ByteSource:
        """Read the training or the test images."""

    @property
    def num_features(self) -> int:
        return math.prod(self.image_shape)

    @property
    def is_fitted(self) -> bool:
        return self.mean is not None

    def fit_preprocessing(self, source: Source, indices: Tensor) -> None:
        """Mean and standard deviation of all pixels of the training images, of MEASURED of them if they are streamed.

        They are computed from a histogram, which is cheap and exact because a pixel has only 256 values.
        """
        assert isinstance(source, ByteSource)
        measured = indices if isinstance(source, ImageSource) else indices[:MEASURED]
        counts = torch.zeros(256, dtype=torch.float64)
        for part in torch.split(measured, 1_000):
            counts += torch.bincount(source.pixels(part).flatten(), minlength=256)
        values, probability = torch.arange(256, dtype=torch.float64), counts / counts.sum()
        mean = (probability * values).sum()
        self._set_preprocessing(mean.item(), (probability * (values - mean) ** 2).sum().sqrt().item())

    def preprocess(self, source: Source) -> Source:
        assert isinstance(source, ByteSource)
        assert self.mean is not None
        assert self.std is not None
        return source.normalised(self.mean, self.std)

    def preprocessor(self) -> PixelScaler:
        assert self.mean is not None
        assert self.std is not None
        return PixelScaler(self.image_shape, self.mean, self.std, self.white)

    def raw(self, source: Source, indices: Tensor) -> Tensor:
        assert isinstance(source, ByteSource)
        return source.pixels(indices)

    def describe(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        assert isinstance(source, ByteSource)
        return super().describe(source) if source.files is None else pl.DataFrame({"file": source.files})

    def read_samples(self, path: Path) -> Samples:
        """The image in a PNG or JPEG file, or all images in a folder and below.

        Folders in it that are named after classes give the true classes.

        Raises:
            ValueError: There is no image.
        """
        import polars as pl

        paths = image_paths(path)
        frame = pl.DataFrame({"file": [name_of(path) for path in paths]})
        truth, unknown = classes_by_folder(paths, path, self.classes) if path.is_dir() else ([], [])
        is_known = any(name is not None for name in truth)
        notes = [f"folders that are named after no class of the model: {', '.join(unknown[:SHOWN])}"] if unknown else []
        return Samples(
            frame,
            torch.cat([self.read(path) for path in paths]),
            tuple(notes),
            pl.Series(truth, dtype=pl.String) if is_known else None,
        )

    def read(self, path: Path) -> Tensor:
        """The image in a PNG or JPEG file as input of the model [1, channels, height, width].

        Raises:
            ValueError: The file is not an image.
        """
        first = torch.zeros(1, dtype=torch.long)
        image = read_image(path, self.image_shape, self.white, self.invert_paper)
        inputs, _ = self.preprocess(ImageSource(image, first))[first]
        return inputs

    def raw_samples(self, samples: Any) -> Tensor:
        return raw_images(samples, self.image_shape, self.white, self.invert_paper)

    def preprocessing_state(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        check_kinds(state, mean=NUMBER, std=NUMBER)
        self._set_preprocessing(state["mean"], state["std"])

    def _set_preprocessing(self, mean: float, std: float) -> None:
        self.mean, self.std = mean, std or 1.0  # the std of images of one colour is 0
        if self.augmentation:
            self.augment = RandomGeometry(**{"fill": -self.mean / self.std, **self.augmentation})
