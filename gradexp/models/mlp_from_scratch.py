"""The multi-layer perceptron by hand: weight tensors, a forward pass and a loss out of single operations."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn

from gradexp.checks import Init, OutputActivation, check
from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.layers import initialize
from gradexp.models.metrics import class_accuracy


class HandMadeNetwork(nn.Module):
    """Matrix products, sums and a ReLU.

    Args:
        widths: Numbers in a sample, in each hidden layer, and in an output.
        output_relu: A ReLU on the outputs too.
        init: Initial weights; see gradexp.models.layers. "default" makes the very draws of torch.nn.Linear.
    """

    def __init__(self, widths: Sequence[int], output_relu: bool, init: Init) -> None:
        super().__init__()
        self.output_relu = output_relu
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in pairwise(widths):
            limit = 1 / math.sqrt(fan_in)
            self.weights.append(nn.Parameter(torch.empty(fan_out, fan_in).uniform_(-limit, limit)))
            self.biases.append(nn.Parameter(torch.empty(fan_out).uniform_(-limit, limit)))
        for weight, bias in zip(self.weights, self.biases, strict=True):
            initialize(weight, bias, init)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [batch, classes] of samples [batch, ...]."""
        values = inputs.flatten(1)
        last = len(self.weights) - 1
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight.T + bias
            if number < last or self.output_relu:
                values = values * (values > 0)
        return values


@final
class MLPFromScratch(AbstractModule):
    """What MLPClassifier does with library layers, done by hand: from one seed both learn the same.

    Args:
        in_features: Numbers in one sample; samples of any shape are flattened.
        num_classes: Number of classes.
        hidden: Widths of the hidden layers.
        output_activation: Follows the last layer; "relu" as in a tutorial that shows what it does to the logits.
        init: Initial weights; see gradexp.models.layers.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        hidden: Sequence[int] = (200, 200),
        output_activation: OutputActivation | None = None,
        init: Init = "kaiming_normal",
        optimizer: Mapping[str, Any] = SGD,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/accuracy",
        proximal: bool = False,
    ) -> None:
        check(in_features=in_features, num_classes=num_classes)
        check("model.", hidden=hidden, output_activation=output_activation, init=init)
        network = HandMadeNetwork([in_features, *hidden, num_classes], output_activation == "relu", init)
        metrics = {"accuracy": class_accuracy(num_classes)}
        super().__init__(network, metrics, optimizer, scheduler, l1, l2, monitor, proximal)
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats, by hand: logits [batch, classes] against classes [batch].

        log p_t = z_t - log sum_k exp z_k, where the largest logit is taken out of the sum, which else overflows.
        """
        largest = outputs.max(dim=1, keepdim=True).values.detach()
        shifted = outputs - largest
        log_probabilities = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
        return -log_probabilities.gather(1, targets.unsqueeze(1)).mean()

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities [batch, classes] of logits [batch, classes]."""
        return outputs.softmax(dim=-1)
