"""The multi-layer perceptron by hand: weight tensors, and a forward pass and a loss made of single operations."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Unpack, final

import torch
from torch import Tensor, nn

from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.models.layers import initialize
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import COUNT, HIDDEN, INIT, at_least, one_of, or_null


class HandMadeNetwork(nn.Module):
    """A forward pass made of matrix products, sums and ReLUs.

    `widths` are the numbers in a sample, in each hidden layer and in an output. An `init` of "default" draws the same
    numbers as torch.nn.Linear.
    """

    def __init__(self, widths: Sequence[int], output_relu: bool, init: str, trusted_packages: Sequence[str]) -> None:
        super().__init__()
        self.output_relu = output_relu
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in pairwise(widths):
            limit = 1 / math.sqrt(fan_in)
            self.weights.append(nn.Parameter(torch.empty(fan_out, fan_in).uniform_(-limit, limit)))
            self.biases.append(nn.Parameter(torch.empty(fan_out).uniform_(-limit, limit)))
        for weight, bias in zip(self.weights, self.biases, strict=True):
            initialize(weight, bias, init, trusted_packages)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [batch, classes] of samples [batch, ...]."""
        values = inputs.flatten(1)
        last = len(self.weights) - 1
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight.T + bias
            if number < last or self.output_relu:
                values = values * (values > 0)
        return values


class HandMadeCrossEntropy(nn.Module):
    """Mean cross-entropy in nats, by hand: logits [batch, classes] against classes [batch].

    log p_t = z_t - log sum_k exp z_k; the largest logit is subtracted first so that exp does not overflow.
    """

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        largest = outputs.max(dim=1, keepdim=True).values.detach()
        shifted = outputs - largest
        log_probabilities = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
        return -log_probabilities.gather(1, targets.unsqueeze(1)).mean()


@final
class MLPFromScratch(AbstractClassifier):
    """MLPClassifier without library layers: with the same seed both learn the same weights.

    Args:
        in_features: Numbers in a sample; samples of any shape are flattened.
        num_classes: Number of classes.
        hidden: Widths of the hidden layers.
        output_activation: Follows the last layer: "relu", to show its effect on logits, or None for nothing.
        init: Initial weights; see gradexp.models.layers.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {
        **AbstractClassifier.defaults,
        "loss": {"_target_": "gradexp.models.mlp_from_scratch.HandMadeCrossEntropy"},
    }

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)],
        hidden: Annotated[Sequence[int], HIDDEN] = (200, 200),
        output_activation: Annotated[str | None, or_null(one_of("relu"))] = None,
        init: Annotated[str, INIT] = "kaiming_normal",
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        widths, packages = [in_features, *hidden, num_classes], options.get("trusted_packages", ())
        network = HandMadeNetwork(widths, output_activation == "relu", init, packages)
        super().__init__(network, num_classes, **options)
        self.save_hyperparameters()
