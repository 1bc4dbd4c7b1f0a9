"""The base class of models that predict real numbers."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Unpack

from torch import Tensor, nn
from torchmetrics import MeanSquaredError

from gradexp.models.abstract_module import AbstractModule
from gradexp.models.default_metrics import R2
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import COUNT


class AbstractRegressor(AbstractModule):
    """A network whose outputs [batch, targets] are the predictions; the default loss is the mean squared error.

    Args:
        network: From inputs [batch, ...] to outputs [batch, targets].
        num_targets: Real numbers in a target.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {
        **AbstractModule.defaults,
        "loss": {"_target_": "torch.nn.MSELoss"},
    }

    @abstractmethod
    def __init__(
        self, network: nn.Module, num_targets: Annotated[int, COUNT], **options: Unpack[ObjectiveOptions]
    ) -> None:
        metrics = {"mse": MeanSquaredError(), "r2": R2(num_targets)}
        super().__init__(network, metrics, "numbers", num_targets=num_targets, **options)

    def predictions(self, outputs: Tensor) -> Tensor:
        """The outputs themselves [batch, targets]."""
        return outputs
