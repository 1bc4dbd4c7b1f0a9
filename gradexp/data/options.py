"""Arguments that data modules hand on to their base unchanged, typed once; AbstractDataModule says what they mean.

Nothing here needs torch, and rules are all that annotations name: the command line reads them from the source.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from gradexp.rules import COUNT, NON_NEGATIVE, SECTION, WHOLE, BatchSize, SampleNumber, or_null


class StepOptions(TypedDict, total=False):
    """Of every data module."""

    seed: Annotated[int, WHOLE]
    steps_per_execution: Annotated[int, COUNT]


class DataOptions(StepOptions, total=False):
    """Of data modules that have samples."""

    shuffle: bool
    repeat: Annotated[int, COUNT]


class StreamOptions(DataOptions, total=False):
    """Of data modules whose samples may be too many for memory."""

    eval_batch_size: Annotated[int, COUNT]
    num_workers: Annotated[int, WHOLE]
    memory_limit: Annotated[float, NON_NEGATIVE]


class ImageOptions(StreamOptions, total=False):
    """Of image modules; ImageDataModule says what augmentation is."""

    augmentation: Annotated[Mapping[str, Any] | None, or_null(SECTION)]


class TorchvisionOptions(ImageOptions, total=False):
    """Of the sets in the format of MNIST; see TorchvisionDataModule."""

    data_dir: str | None
    mirror: str | None
    batch_size: BatchSize
    val_size: SampleNumber
