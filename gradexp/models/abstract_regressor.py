"""What the models share that predict real numbers by least squares."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanSquaredError

from gradexp.models.abstract_module import AbstractModule
from gradexp.models.metrics import R2


class AbstractRegressor(AbstractModule):
    """A network whose outputs [batch, targets] are the predictions; the loss is their mean squared error.

    Args:
        network: From inputs [batch, ...] to outputs [batch, targets].
        num_targets: Numbers to predict.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.
    """

    @abstractmethod
    def __init__(
        self,
        network: nn.Module,
        num_targets: int,
        optimizer: Mapping[str, Any],
        scheduler: Mapping[str, Any] | None,
        l1: float,
        l2: float,
        monitor: str,
        proximal: bool,
    ) -> None:
        metrics = {"mse": MeanSquaredError(), "r2": R2(num_targets)}
        super().__init__(network, metrics, optimizer, scheduler, l1, l2, monitor, proximal)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean of (output - target)^2 over batch and targets, without a factor 1/2: both [batch, targets]."""
        if outputs.shape != targets.shape:  # which would be broadcast, [batch, 1] against [batch] to [batch, batch]
            raise ValueError(
                f"outputs and targets must have one shape; got {list(outputs.shape)} and {list(targets.shape)}. "
                "model.num_targets says how many numbers the model predicts."
            )
        return F.mse_loss(outputs, targets)

    def predictions(self, outputs: Tensor) -> Tensor:
        """The outputs themselves [batch, targets]."""
        return outputs
