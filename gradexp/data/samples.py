"""Samples from the user's files, for prediction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    import polars as pl  # takes half a second


@dataclass(frozen=True)
class Samples:
    """Samples to predict.

    Attributes:
        frame: One row per sample as the user knows it: its file name, or its columns as they were read.
        inputs: The samples as inputs of the model [samples, ...].
        notes: What the user should know about how they were read.
    """

    frame: "pl.DataFrame"
    inputs: Tensor
    notes: tuple[str, ...] = ()
