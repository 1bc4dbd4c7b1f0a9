"""Rosenblatt's perceptron, which is trained by its own rule instead of gradients."""

import warnings
from collections import OrderedDict
from typing import Annotated, ClassVar, Unpack, final

import torch
from torch import Tensor, nn

from gradexp.engine.batches import pair_of
from gradexp.models.abstract_module import SGD, AbstractModule, Batch
from gradexp.models.default_metrics import ThresholdAccuracy
from gradexp.objective.objective import ObjectiveOptions
from gradexp.objective.optimizers import is_sgd
from gradexp.rules import COUNT, at_least


class Step(nn.Module):
    """1 where the input is above 0, else 0. Its gradient is zero almost everywhere."""

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs > 0).to(inputs.dtype)


@final
class Rosenblatt(AbstractModule):
    """``O = step(weight x + bias)``, corrected after each mistake: ``weight += lr (t - O) x``, ``bias += lr (t - O)``.

    The rule is Rosenblatt's (1958). On separable data, from zero weights and with one sample at a time, it makes at
    most (R / margin)^2 corrections for any lr (Novikoff 1962). Each sample is extended by a 1 for the bias; R is the
    length of the longest sample, and margin the distance of the nearest one from a separating plane through the
    origin. With larger batches the corrections of a batch are summed, and the bound is not guaranteed.

    Args:
        in_features: Numbers in a sample.
        num_classes: 2, the only number of classes it takes.
        options: See ObjectiveOptions. The optimizer must be SGD with an lr and nothing else, as others follow another
            rule; penalties have no effect, as there is no gradient to add to; the loss is the share of mistakes.

    Attributes:
        corrections: Mistakes in training so far; each changes the weights once.
    """

    defaults: ClassVar[ObjectiveOptions] = {"optimizer": SGD, "monitor": "val/accuracy"}
    corrections: Tensor

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)] = 2,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        if num_classes != 2:
            raise ValueError(f"Rosenblatt needs data of 2 classes; got {num_classes}. Use model=sigmoid_units.")
        optimizer = options.get("optimizer", SGD)
        other_arguments = {key: value for key, value in optimizer.items() if key not in ("_target_", "lr") and value}
        if other_arguments or not is_sgd(optimizer):
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
        """The share of mistakes: outputs [batch, 1] of 0 or 1 against classes [batch]."""
        return (outputs.squeeze(1) - targets).abs().mean()

    def predictions(self, outputs: Tensor) -> Tensor:
        """1 for the predicted class, 0 for the other [batch, 2]."""
        return torch.cat([1 - outputs, outputs], dim=1)

    def assign_gradients(self, objective: Tensor, outputs: Tensor, batch: Batch) -> None:
        """Add minus Rosenblatt's correction, as the optimizer subtracts gradients."""
        inputs, targets = pair_of(batch)
        errors = targets.unsqueeze(1) - outputs
        gradients = {"weight": -errors.T @ inputs.flatten(1), "bias": -errors.sum(dim=0)}
        for name, gradient in gradients.items():
            parameter = self.network.get_parameter(f"output.{name}")
            if not parameter.requires_grad:
                continue
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        self.corrections += errors.abs().sum().long()
