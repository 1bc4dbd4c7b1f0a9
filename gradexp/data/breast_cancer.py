"""The tumours that scikit-learn ships: a real binary classification, no network needed."""

from typing import Literal, final

import torch
from torch import Tensor

from gradexp.data.tensor_datamodule import TensorDataModule, every_fifth


@final
class BreastCancer(TensorDataModule):
    """Thirty measurements of the cell nuclei of 569 tumours, malignant or benign (Wolberg et al. 1993).

    Inputs are standardised by the training samples; every fifth sample is kept for the test.

    Args:
        batch_size, val_size, seed, passes, steps_per_execution: See AbstractDataModule.
    """

    def __init__(
        self,
        batch_size: int | None = None,
        val_size: int | float = 0.2,
        seed: int = 0,
        passes: int = 1,
        steps_per_execution: int = 1,
    ) -> None:
        super().__init__(batch_size, val_size, seed, passes, steps_per_execution, standardize=True)

    @property
    def num_features(self) -> int:
        return 30

    @property
    def classes(self) -> list[str]:
        return ["malignant", "benign"]

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        from sklearn.datasets import load_breast_cancer  # costs a second, so only where it is used

        inputs, targets = load_breast_cancer(return_X_y=True)
        return every_fifth(torch.from_numpy(inputs).float(), torch.from_numpy(targets), part)
