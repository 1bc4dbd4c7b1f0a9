"""The tables that scikit-learn bundles; every fifth sample is in the test part."""

from typing import Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.sources import every_fifth
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.rules import BatchSize, SampleNumber


class BundledDataModule(TensorDataModule):
    """A small table, standardised by its training samples; a final sub-class implements `tensors`."""

    def __init__(
        self,
        batch_size: BatchSize = None,
        val_size: SampleNumber = 0.2,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, standardize=True, **options)


@final
class BreastCancer(BundledDataModule):
    """Thirty measurements of the cell nuclei of 569 tumours, malignant or benign (Wolberg et al. 1993).

    Inputs are standardised by the training samples; every fifth sample is in the test part.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    num_features = 30

    @property
    def classes(self) -> list[str]:
        return ["malignant", "benign"]

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        from sklearn.datasets import load_breast_cancer  # takes a second

        inputs, targets = load_breast_cancer(return_X_y=True)
        return every_fifth(torch.from_numpy(inputs).float(), torch.from_numpy(targets), part)


@final
class Diabetes(BundledDataModule):
    """Ten measurements of 442 diabetes patients, and the disease progression after a year (Efron et al. 2004).

    Inputs and target are standardised by the training samples; every fifth sample is in the test part.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    num_features = 10

    @property
    def feature_names(self) -> list[str]:
        return ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]

    @property
    def target_name(self) -> str:
        return "disease progression after a year"

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        from sklearn.datasets import load_diabetes  # takes a second

        inputs, targets = load_diabetes(return_X_y=True, scaled=False)
        return every_fifth(torch.from_numpy(inputs).float(), torch.from_numpy(targets).float().unsqueeze(1), part)
