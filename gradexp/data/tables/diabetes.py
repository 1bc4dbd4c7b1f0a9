"""scikit-learn's diabetes data: regression, bundled with the library."""

from typing import Literal, final

import torch
from torch import Tensor

from gradexp.data.sources import every_fifth
from gradexp.data.tables.bundled_datamodule import BundledDataModule


@final
class Diabetes(BundledDataModule):
    """Ten measurements of 442 diabetes patients, and the disease progression after a year (Efron et al. 2004).

    Inputs and target are standardised by the training samples; every fifth sample is in the test part.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    num_features = 10

    @property
    def feature_names(self) -> list[str]:
        return ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        from sklearn.datasets import load_diabetes  # takes a second

        inputs, targets = load_diabetes(return_X_y=True, scaled=False)
        return every_fifth(torch.from_numpy(inputs).float(), torch.from_numpy(targets).float().unsqueeze(1), part)
