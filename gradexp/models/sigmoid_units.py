"""The perceptron of textbooks: sigmoid outputs and the squared error."""

from collections import OrderedDict
from typing import Annotated, ClassVar, Unpack, final

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.default_metrics import ThresholdAccuracy, class_accuracy
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import COUNT, at_least


@final
class SigmoidUnits(AbstractModule):
    """``O_k = sigmoid(sum_j w_kj x_j + b_k)`` and, by default, ``E = 1/2 sum_k (O_k - t_k)^2``.

    t_k is 1 for the sample's class and 0 for the others. The gradient of E is ``dE/dw_kj = (O_k - t_k) O_k (1 - O_k)
    x_j`` (Rumelhart, Hinton and Williams 1986). (scikit-learn's Perceptron has step outputs: see Rosenblatt.)

    Args:
        in_features: Numbers in a sample; samples of any shape are flattened.
        num_classes: Number of classes; 2 have one output, for class 1, and more have one output per class.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {
        "loss": {"_target_": "gradexp.objective.losses.HalfSquaredError"},
        "optimizer": SGD,
        "monitor": "val/accuracy",
    }

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)] = 2,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        num_outputs = 1 if num_classes == 2 else num_classes
        layers = OrderedDict[str, nn.Module](
            flatten=nn.Flatten(), output=nn.Linear(in_features, num_outputs), sigmoid=nn.Sigmoid()
        )
        accuracy: Metric = ThresholdAccuracy(0.5) if num_outputs == 1 else class_accuracy(num_classes)
        super().__init__(nn.Sequential(layers), {"accuracy": accuracy}, "sigmoids", num_classes, **options)
        self.save_hyperparameters()

    def predictions(self, outputs: Tensor) -> Tensor:
        """The outputs by class [batch, classes]; they are not probabilities, as several can be near 1."""
        return torch.cat([1 - outputs, outputs], dim=1) if outputs.shape[1] == 1 else outputs
