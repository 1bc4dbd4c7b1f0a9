"""scikit-learn's breast cancer data: binary classification, bundled with the library."""

from typing import Literal, final

import torch
from torch import Tensor

from gradexp.data.sources import every_fifth
from gradexp.data.tables.bundled_datamodule import BundledDataModule


@final
class BreastCancer(BundledDataModule):
    """Thirty measurements of the cell nuclei of 569 tumours, malignant or benign (Wolberg et al. 1993).

    Inputs are standardised by the training samples; every fifth sample is in the test part.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    num_features = 30

    @property
    def classes(self) -> list[str]:
        return ["malignant", "benign"]

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        from sklearn.datasets import load_breast_cancer  # takes a second

        inputs, targets = load_breast_cancer(return_X_y=True)
        return every_fifth(torch.from_numpy(inputs).float(), torch.from_numpy(targets), part)
