"""The user's images: a folder with one sub-folder per class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Unpack, final

import numpy as np
import torch
from torch import Tensor

from gradexp.data.found_samples import NAMES, Part, Positions, check_no_new_rows
from gradexp.data.images.image_datamodule import ByteSource, ImageDataModule, ImageSource, data_folder
from gradexp.data.images.image_files import SHOWN, find_images
from gradexp.data.images.image_folder_cache import decode_files, parallel_images
from gradexp.data.images.image_folder_parts import FolderImages
from gradexp.data.options import ImageOptions
from gradexp.data.run_samples import RunSamples
from gradexp.data.sources import GIB, MIN_SAMPLES
from gradexp.files import name_of, user_path
from gradexp.rules import CHANNELS, COUNT, PATH, BatchSize, SampleNumber, list_of, or_null
from gradexp.rules.words import abbreviated
from gradexp.untrusted import check_kinds, texts


class StreamedImages(ByteSource):
    """Image files and their classes [samples], converted to `shape` (channels, height, width) when they are read."""

    def __init__(
        self, paths: list[Path], targets: Tensor, shape: tuple[int, int, int], names: Sequence[str] | None = None
    ) -> None:
        super().__init__(targets, names)
        self.paths = paths
        self.shape = shape

    def pixels(self, indices: Tensor) -> Tensor:
        """The images at `indices` as bytes [batch, channels, height, width].

        Raises:
            ValueError: One of them is truncated.
        """
        paths = [self.paths[number] for number in indices.tolist()]
        images = list(parallel_images(paths, self.shape))
        damaged = [str(path) for path, image in zip(paths, images, strict=True) if image is None]
        if damaged:
            # Setup does not decode streamed files, because that takes as long as an epoch.
            raise ValueError(
                f"data.path must hold intact images; {', '.join(damaged)} cannot be read to its end. Delete it, or "
                "raise data.memory_limit so that all images fit in memory: then such files are left out."
            )
        intact = [image for image in images if image is not None]
        return torch.cat(intact) if intact else torch.empty(0, *self.shape, dtype=torch.uint8)


@final
class ImageFolder(ImageDataModule):
    """Images in a folder with one sub-folder per class, or with train/ and test/ that have one sub-folder per class.

    Images of any size are scaled and padded with black to keep their aspect ratio, and are not inverted; images to
    predict are treated in the same way. They are decoded once and stored in the data cache. If they do not fit in
    memory, `num_workers` processes decode them again for every batch. Files that are not images are left out.

    Without a test folder, the test images are drawn independently of the seed. Images in val/ are added to the training
    part, from which `split_seed` draws the validation images. The test images belong to the run: a checkpoint knows the
    images of both parts by the bytes of their files, and tests its own test images in a folder that has changed since.
    It never tests training images.

    Args:
        path: The folder.
        image_size: Height and width to which images are scaled.
        channels: 1 for grey, 3 for colour; None for 1 if all images are grey, otherwise 3.
        test_size: Test images, as a number (0 for none) or as a fraction; ignored if there is a test folder.
        new_rows: With a checkpoint, also test images that its run does not know.
        data_dir: Folder of the cache; None for GRADEXP_DATA_DIR, or else the user's cache.
        augmentation: Arguments of RandomGeometry; None for no augmentation.
        batch_size: Training images per step and process; full batches if there are fewer; None for full batches.
        val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    full_batch_if_fewer = True
    invert_paper = False

    def __init__(
        self,
        path: Annotated[str, PATH],
        image_size: Annotated[
            Sequence[int], list_of(COUNT, "a pair [height, width] of whole numbers of at least 1", length=2)
        ] = (32, 32),
        channels: Annotated[int | None, or_null(CHANNELS)] = None,
        test_size: SampleNumber = 0.2,
        new_rows: bool = False,
        data_dir: str | None = None,
        batch_size: BatchSize = 64,
        val_size: SampleNumber = 0.2,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.path = user_path(path)
        self.image_size = (image_size[0], image_size[1])
        self.channels = channels
        self.test_size = test_size
        self.new_rows = new_rows
        self.data_dir = data_folder(data_dir)
        self._shape: tuple[int, int, int] | None = None
        self._classes: list[str] | None = None
        self._samples: RunSamples | None = None
        self._sources: dict[Part, ByteSource] = {}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self._shape_and_classes()[0]

    @property
    def classes(self) -> list[str]:
        return self._shape_and_classes()[1]

    def _shape_and_classes(self) -> tuple[tuple[int, int, int], list[str]]:
        """Reads the folder if needed, because a model's sizes are needed before Lightning calls `setup`."""
        if self._shape is None or self._classes is None:
            self._draw()
        assert self._shape is not None
        assert self._classes is not None
        return self._shape, self._classes

    def load(self, part: Part) -> ByteSource:
        if part == "train":
            check_no_new_rows(self.new_rows, "images")
        if part not in self._sources and self._samples is not None:
            images = self._read()
            chosen, notes = images.find(part, self._samples, self.new_rows)
            self._note(*notes)
            return self._source(images, chosen, part)
        if part not in self._sources:
            self._draw()
        return self._sources.pop(part)

    def preprocessing_state(self) -> dict[str, Any]:
        assert self._samples is not None
        return super().preprocessing_state() | {
            "classes": self.classes,
            "image_shape": list(self.image_shape),
            "samples": self._samples.state(),
        }

    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        super().load_preprocessing_state(state)
        texts(state, "classes")
        check_kinds(state, image_shape=list, samples=dict)
        if len(state["image_shape"]) != 3 or not all(map(COUNT.holds, state["image_shape"])):
            raise TypeError(f"image_shape is {state['image_shape']!r}")
        if self._classes is not None and self._classes != state["classes"]:
            raise ValueError(
                f"data.path must hold the classes that the checkpoint was trained on, {', '.join(state['classes'])}; "
                f"{self.path} has {', '.join(self._classes)}. Train a new model, without ckpt_path."
            )
        samples = RunSamples.from_state(state["samples"])
        if self._samples is not None and not self._samples.equals(samples):
            raise ValueError(
                f"data.path must hold the images that the run was started with, in the same order; {self.path} now has "
                "others. Restore the folder, or train a new model, without ckpt_path."
            )
        channels, height, width = state["image_shape"]
        self._classes, self._shape, self._samples = state["classes"], (channels, height, width), samples

    def _draw(self) -> None:
        """Read the images of a new run, and split them."""
        check_no_new_rows(self.new_rows, "images")
        images = self._read()
        self._samples, parts, notes = images.draw(self.test_size)
        self._shape = images.decoded.shape
        self._classes = sorted({images.files[n][1] for n in parts["train"]})
        self._check_classes(len(parts["train"]))
        self._sources = {part: self._source(images, chosen, part) for part, chosen in parts.items()}
        self._note(*notes)

    def _read(self) -> FolderImages:
        """Find and decode the images."""
        train, test, notes = find_images(self.path)
        self._note(*notes)
        files = train + (test or [])
        channels = self._shape[0] if self._shape else self.channels
        paths = [path for path, _ in files]
        decoded = decode_files(paths, self.image_size, channels, self.memory_limit * GIB, self.data_dir)
        self._note_unreadable(paths, decoded.readable)
        in_test_folder = None if test is None else np.array(decoded.readable) >= len(train)
        return FolderImages(self.path, [files[n] for n in decoded.readable], decoded, in_test_folder)

    def _check_classes(self, number: int) -> None:
        assert self._classes is not None
        if number < MIN_SAMPLES - 1:
            raise ValueError(
                f"data.path must hold at least {MIN_SAMPLES} images (to train, validate and test); {self.path} "
                f"leaves {number} to train and validate on.{''.join(f' ({note}.)' for note in self.notes)}"
            )
        if len(self._classes) < 2:
            raise ValueError(
                "data.path must have images of at least two classes, one folder each, to train on; "
                f"{self.path} has {', '.join(self._classes)} only."
            )

    def _source(self, images: FolderImages, chosen: Positions, part: Part) -> ByteSource:
        """The chosen images, without those whose class the training images lack."""
        class_number = {name: number for number, name in enumerate(self.classes)}
        files, decoded = images.files, images.decoded
        known = [n for n in chosen.tolist() if files[n][1] in class_number]
        if len(known) < len(chosen):
            unknown = sorted({files[n][1] for n in chosen} - class_number.keys())
            self._note(
                f"left out, classes without training images: {len(chosen) - len(known):,} {NAMES[part]} images "
                f"({', '.join(unknown[:SHOWN])})"
            )
        targets = torch.tensor([class_number[files[n][1]] for n in known], dtype=torch.long)
        names = [name_of(files[n][0].relative_to(self.path)) for n in known] if part == "test" else None
        if decoded.images is None:
            return StreamedImages([files[n][0] for n in known], targets, decoded.shape, names)
        return ImageSource(decoded.images[torch.tensor(known, dtype=torch.long)], targets, names)

    def _note_unreadable(self, paths: list[Path], readable: list[int]) -> None:
        bad = [str(paths[n].relative_to(self.path)) for n in sorted(set(range(len(paths))) - set(readable))]
        if not readable:
            raise ValueError(
                f"data.path must hold images that can be read; none of the {len(bad):,} in {self.path} can, such as "
                f"{', '.join(bad[:SHOWN])}."
            )
        if bad:
            self._note(f"left out, cannot be read as images: {len(bad):,} files ({abbreviated(bad, SHOWN)})")
