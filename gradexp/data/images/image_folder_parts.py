"""The training and the test images of a folder: drawn for a new run, recognised for one in a checkpoint."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradexp.data.found_samples import Part, Positions
from gradexp.data.images.image_files import LabelledFile
from gradexp.data.images.image_folder_cache import DecodedFiles
from gradexp.data.run_samples import RunSamples
from gradexp.data.sources import draw_test_part


@dataclass(frozen=True)
class FolderImages:
    """The images in a folder that can be read.

    Attributes:
        path: The folder.
        files: Their files and classes.
        decoded: Their contents.
        in_test_folder: Whether each is in the folder test/ [images]; None if there is no such folder.
    """

    path: Path
    files: list[LabelledFile]
    decoded: DecodedFiles
    in_test_folder: NDArray[np.bool_] | None

    def draw(self, test_size: int | float) -> tuple[RunSamples, dict[Part, Positions], list[str]]:
        """What a checkpoint keeps of the images of a new run, those of each part, and notes.

        Raises:
            ValueError: Too few images would be left to train and validate on.
        """
        in_test, is_apart = self.in_test_folder, self.in_test_folder is not None
        if in_test is None:
            in_test = draw_test_part(len(self.files), test_size, "images").numpy()
        parts: dict[Part, Positions] = {"train": np.flatnonzero(~in_test), "test": np.flatnonzero(in_test)}
        hashes = self.decoded.hashes
        samples = RunSamples.of(hashes[parts["train"]], hashes[parts["test"]], is_apart)
        if not is_apart or not samples.num_test_in_train:
            return samples, parts, []
        number = f"{samples.num_test_in_train:,} of the {len(samples.test):,}"
        return samples, parts, [f"{number} images in the test folder equal training images"]

    def find(self, part: Part, samples: RunSamples, with_new: bool) -> tuple[Positions, list[str]]:
        """The images of a part of the run `samples`, in a folder that may have changed since, and notes.

        An image is known by its content, not by its name. `with_new` adds test images that the run does not know.

        Raises:
            ValueError: There are none.
        """
        positions = np.arange(len(self.files))
        if self.in_test_folder is not None:
            positions = np.flatnonzero(self.in_test_folder == (part == "test"))
        is_apart = part == "test" and self.in_test_folder is not None
        found = samples.find(self.decoded.hashes[positions], is_apart)
        chosen, notes = found.choose(part, with_new, self.path, "data.path", "images")
        return positions[chosen], notes
