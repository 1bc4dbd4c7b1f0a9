"""The samples of a run in a file that may have changed since: what is tested of them, and what the user is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Part = Literal["train", "test"]
Unit = Literal["rows", "images"]
NAMES = {"train": "training", "test": "test"}


@dataclass(frozen=True)
class FoundSamples:
    """Positions of samples in a file, ascending for new ones, otherwise in the run's order.

    Attributes:
        train: Training samples of the run, validation samples included.
        test: Its test samples.
        new: Samples that the run does not know, without `copies`.
        copies: Number of further samples that equal a training sample; they are never tested.
        lost: Number of the run's samples, by part, that the file lacks.
    """

    train: Positions
    test: Positions
    new: Positions
    copies: int
    lost: dict[Part, int]

    def choose(self, part: Part, with_new: bool, path: Path, key: str, unit: Unit) -> tuple[Positions, list[str]]:
        """The samples of a part, and notes on how the file differs from the run's.

        Args:
            part: The part.
            with_new: Whether new samples are tested too.
            path: The file or folder.
            key: The argument that names it.
            unit: What a sample is called.

        Raises:
            ValueError: The run had samples in this part, and none of them is left.
        """
        own, lost = (self.train if part == "train" else self.test), self.lost[part]
        new = self.new if with_new and part == "test" else self.new[:0]
        of_run = f"{NAMES[part]} {unit} of the run"
        if lost and not len(own) and not len(new):
            advice = f" data.new_rows=true tests the new {unit}." if part == "test" and len(self.new) else ""
            raise ValueError(
                f"{key} must have {of_run} that wrote the checkpoint; {path} has none of the {lost:,}, "
                f"{len(self.train):,} training {unit} and {self._described(unit)}.{advice}"
            )
        notes = []
        if lost:
            notes.append(f"{path.name} has {len(own):,} of the {lost + len(own):,} {of_run}; {lost:,} are missing")
        if part == "test" and len(self.new) + self.copies:
            if not len(self.new):
                tested = "they are not tested"
            elif with_new:
                tested = "the others are tested too" if self.copies else "they are tested too"
            else:
                tested = "they are not tested; data.new_rows=true tests them too"
            notes.append(f"{path.name} has {self._described(unit)}: {tested}")
        return np.concatenate([own, new]), notes

    def _described(self, unit: str) -> str:
        copies = f", {self.copies:,} of which equal training {unit}" if self.copies else ""
        return f"{len(self.new) + self.copies:,} new {unit}{copies}"


def check_no_new_rows(new_rows: bool, unit: Unit) -> None:
    """Check the argument `new_rows` of a data module that reads training samples.

    Raises:
        ValueError: It is true.
    """
    if new_rows:
        raise ValueError(
            f"data.new_rows must be false where training {unit} are read, as the run knows all of them; got true. "
            "It belongs to task=test and task=predict."
        )
