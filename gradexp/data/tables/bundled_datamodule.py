"""The base of the tables that scikit-learn bundles."""

from typing import Unpack

from gradexp.data.options import DataOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.rules import BatchSize, SampleNumber


class BundledDataModule(TensorDataModule):
    """A small table, standardised by its training samples; a final sub-class implements `tensors`.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    def __init__(
        self,
        batch_size: BatchSize = None,
        val_size: SampleNumber = 0.2,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, standardize=True, **options)
