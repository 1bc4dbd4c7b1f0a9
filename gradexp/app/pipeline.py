"""A trained model from raw samples to results: preprocessing, network and readable outputs in one torch module."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn

from gradexp.data import AbstractDataModule
from gradexp.models import AbstractModule


class Pipeline(nn.Module):
    """From raw samples to a probability for each class [batch, classes], or to numbers in the target's units.

    Raw samples are pixels, or the numbers of a table's columns; see the data module's `preprocessor`. Without one they
    are the inputs of the network. A module of another package gives what its `predict_step`, or its `forward`, gives.

    Args:
        module: The module, which is used as it is, in evaluation mode.
        data: The data module that it was trained on.
    """

    def __init__(self, module: LightningModule, data: AbstractDataModule) -> None:
        super().__init__()
        self.preprocessing = data.preprocessor()
        # Of our modules the network alone: losses and metrics are no part of what is exported.
        self.network: nn.Module = module.network if isinstance(module, AbstractModule) else module
        self._readable = module.predictions if isinstance(module, AbstractModule) else None
        self._has_predict_step = is_overridden("predict_step", module)
        self._in_units = None if data.classes else data.in_target_units
        self.eval()

    def forward(self, raw: Tensor) -> Tensor:
        return self.of_inputs(raw if self.preprocessing is None else self.preprocessing(raw))

    def of_inputs(self, inputs: Tensor) -> Tensor:
        """The same of preprocessed samples, as the data module gives them [batch, ...]."""
        outputs: Tensor
        if self._readable is not None:
            outputs = self._readable(self.network(inputs))
        elif self._has_predict_step:
            module: Any = self.network
            outputs = module.predict_step((inputs, torch.zeros(len(inputs), dtype=torch.long)), 0)
        else:
            outputs = self.network(inputs)
        return outputs if self._in_units is None else self._in_units(outputs)
