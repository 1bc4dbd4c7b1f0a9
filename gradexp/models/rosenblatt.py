"""Rosenblatt's perceptron, which no gradient can train."""

import warnings
from collections import OrderedDict
from typing import Annotated, ClassVar, Unpack, final

import torch
from torch import Tensor, nn

from gradexp.models.abstract_module import SGD, AbstractModule, Batch
from gradexp.models.metrics import ThresholdAccuracy
from gradexp.models.two_classes import check_two_classes
from gradexp.objective.objective import ObjectiveOptions
from gradexp.objective.optimizers import is_sgd
from gradexp.rules import COUNT, at_least


class Step(nn.Module):
    """1 where the input is above 0, else 0: flat almost everywhere, so that its gradient says nothing."""

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs > 0).to(inputs.dtype)


@final
class Rosenblatt(AbstractModule):
    """``O = step(weight x + bias)``, corrected by each mistake: ``weight += lr (t - O) x``, ``bias += lr (t - O)``.

    The rule is Rosenblatt's (1958); from zero weights it makes at most (R / margin)^2 corrections on separable data,
    whatever its lr, one sample at a time (Novikoff 1962). R is the length of the longest sample and margin the
    distance of the nearest one from a separating plane through the origin, each sample taken with a 1 for the bias.
    With larger batches the corrections of a batch are summed, and the bound is not promised.

    Args:
        in_features: Numbers in one sample.
        num_classes: 2.
        options: See ObjectiveOptions: the optimizer is SGD with its lr, as others have another rule; penalties have no
            effect, for want of a gradient that they could add to; the loss is the share of mistakes.

    Attributes:
        corrections: Mistakes made in training so far, which is how often the rule has changed the weights.

    Raises:
        ValueError: An argument breaks its rule.
    """

    defaults: ClassVar[ObjectiveOptions] = {"optimizer": SGD, "monitor": "val/accuracy"}
    corrections: Tensor

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)] = 2,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        check_two_classes("Rosenblatt", num_classes, "model=sigmoid_units")
        optimizer = options.get("optimizer", SGD)
        further = {key: value for key, value in optimizer.items() if key not in ("_target_", "lr") and value}
        if further or not is_sgd(optimizer):
            raise ValueError(
                f"optimizer must be sgd for Rosenblatt's rule, with an lr and nothing else; got {dict(optimizer)}."
            )
        layer = nn.Linear(in_features, 1)
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
        network = nn.Sequential(OrderedDict[str, nn.Module](flatten=nn.Flatten(), output=layer, step=Step()))
        super().__init__(network, {"accuracy": ThresholdAccuracy(0.5)}, num_classes=num_classes, **options)
        if self.objective.penalties:
            warnings.warn("regularizer has no effect on Rosenblatt's rule, which has no gradient", stacklevel=2)
            self.objective.penalties.clear()
        self.register_buffer("corrections", torch.zeros((), dtype=torch.long))
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The share of mistakes: outputs [batch, 1], 0 or 1, against classes [batch]."""
        return (outputs.squeeze(1) - targets).abs().mean()

    def predictions(self, outputs: Tensor) -> Tensor:
        """1 for the predicted class, 0 for the other [batch, 2]."""
        return torch.cat([1 - outputs, outputs], dim=1)

    def assign_gradients(self, objective: Tensor, outputs: Tensor, batch: Batch) -> None:
        """Rosenblatt's correction, with the sign of a gradient, as the optimizer will subtract it."""
        inputs, targets = batch
        errors = targets.unsqueeze(1) - outputs
        gradients = {"weight": -errors.T @ inputs.flatten(1), "bias": -errors.sum(dim=0)}
        for name, gradient in gradients.items():
            parameter = self.network.get_parameter(f"output.{name}")
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        self.corrections += errors.abs().sum().long()
