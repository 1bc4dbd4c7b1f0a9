"""Arguments that data modules pass on to their base unchanged; AbstractDataModule documents them.

This module must not import torch, and its annotations may only name rules: the command line reads them from the source.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from gradexp.rules import (
    COUNT,
    NON_NEGATIVE,
    SECTION,
    WHOLE,
    BatchSize,
    FoldNumber,
    Folds,
    SampleNumber,
    SplitSeed,
    or_null,
)


class StepOptions(TypedDict, total=False):
    """Arguments of every data module."""

    seed: Annotated[int, WHOLE]
    steps_per_execution: Annotated[int, COUNT]


class DataOptions(StepOptions, total=False):
    """Arguments of data modules that have samples."""

    shuffle: bool
    repeat: Annotated[int, COUNT]
    folds: Folds
    fold: FoldNumber
    split_seed: SplitSeed


class StreamOptions(DataOptions, total=False):
    """Arguments of data modules whose samples may not fit in memory."""

    eval_batch_size: Annotated[int, COUNT]
    num_workers: Annotated[int, WHOLE]
    memory_limit: Annotated[float, NON_NEGATIVE]


class ImageOptions(StreamOptions, total=False):
    """Arguments of image data modules; `augmentation` holds arguments of RandomGeometry."""

    augmentation: Annotated[Mapping[str, Any] | None, or_null(SECTION)]


class TorchvisionOptions(ImageOptions, total=False):
    """Arguments of the data sets in the format of MNIST; see TorchvisionDataModule."""

    data_dir: str | None
    mirror: str | None
    batch_size: BatchSize
    val_size: SampleNumber
