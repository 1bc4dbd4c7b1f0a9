"""The perceptron of the tutorials: sigmoid outputs and the squared error."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric

from gradexp.checks import check
from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.metrics import ThresholdAccuracy, class_accuracy


@final
class SigmoidUnits(AbstractModule):
    """``O_k = sigmoid(sum_j w_kj x_j + b_k)`` and ``E = 1/2 sum_k (O_k - t_k)^2``.

    With t_k 1 for the sample's class and 0 for the others, the gradient is that of back-propagation's first page:
    ``dE/dw_kj = (O_k - t_k) O_k (1 - O_k) x_j`` (Rumelhart, Hinton and Williams 1986).

    Args:
        in_features: Numbers in one sample; samples of any shape are flattened.
        num_classes: Number of classes: with 2 there is one output, for class 1; with more, one a class.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int = 2,
        optimizer: Mapping[str, Any] = SGD,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/accuracy",
        proximal: bool = False,
    ) -> None:
        check(in_features=in_features, num_classes=num_classes)
        num_outputs = 1 if num_classes == 2 else num_classes
        layers = OrderedDict[str, nn.Module](
            flatten=nn.Flatten(), output=nn.Linear(in_features, num_outputs), sigmoid=nn.Sigmoid()
        )
        accuracy: Metric = ThresholdAccuracy(0.5) if num_outputs == 1 else class_accuracy(num_classes)
        super().__init__(nn.Sequential(layers), {"accuracy": accuracy}, optimizer, scheduler, l1, l2, monitor, proximal)
        self.num_outputs = num_outputs
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Half the squared error, a sum over outputs [batch, outputs], a mean over the batch; classes [batch]."""
        wanted = targets.unsqueeze(1) if self.num_outputs == 1 else F.one_hot(targets, self.num_outputs)
        return (outputs - wanted).square().sum(dim=1).mean() / 2

    def predictions(self, outputs: Tensor) -> Tensor:
        """The outputs by class [batch, classes]; they are no probabilities: several classes can be near 1."""
        return torch.cat([1 - outputs, outputs], dim=1) if self.num_outputs == 1 else outputs
