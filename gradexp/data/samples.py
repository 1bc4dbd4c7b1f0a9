"""Samples of a user's own files, on their way through a model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    import polars as pl  # half a second, so only where it is used


@dataclass(frozen=True)
class Samples:
    """What is to be predicted.

    Attributes:
        frame: One row a sample, as people know it: its file, or the columns it came with.
        inputs: The samples as the model takes them [samples, ...].
        notes: What the user should know about how they were read.
    """

    frame: "pl.DataFrame"
    inputs: Tensor
    notes: tuple[str, ...] = ()
