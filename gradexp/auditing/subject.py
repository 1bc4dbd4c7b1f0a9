"""The subject of an audit: a copy of the module, one batch, and the loss."""

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


class Subject:
    """A copy of a module in float64 on the CPU. Changing the copy leaves the user's module untouched.

    The copy is in evaluation mode: dropout is off, so that passes are repeatable, and batch normalisation uses its
    running statistics. The arguments are those of `audit`.
    """

    def __init__(self, module: nn.Module, batch: tuple[Tensor, Tensor], loss: Loss | None) -> None:
        self.original = module
        self.module = copied(module, torch.float64)
        self.inputs, self.targets = (
            tensor.detach().cpu().to(torch.float64) if tensor.is_floating_point() else tensor.detach().cpu()
            for tensor in batch
        )
        self.uses_own_loss = loss is None
        own_loss = getattr(self.module, "loss", None)
        self._loss: Loss = loss or (own_loss if callable(own_loss) else nn.functional.cross_entropy)
        self._penalty = getattr(self.module, "penalty", None)

    @property
    def classes(self) -> int | None:
        """The number of classes if the outputs are logits and the loss is their cross-entropy; otherwise None."""
        with torch.no_grad():
            outputs = self.outputs()
            is_table = outputs.ndim == 2 and outputs.shape[1] > 1
            if not is_table or self.targets.ndim != 1 or self.targets.dtype != torch.long:
                return None
            expected = nn.functional.cross_entropy(outputs, self.targets)
            return outputs.shape[1] if torch.isclose(self.loss(outputs), expected) else None

    def outputs(self, inputs: Tensor | None = None) -> Tensor:
        """The module's outputs for inputs [batch, ...]; by default for the batch."""
        return cast(Tensor, self.module(self.inputs if inputs is None else inputs))

    def loss(self, outputs: Tensor, targets: Tensor | None = None) -> Tensor:
        """The loss of outputs [batch, ...]; by default with the targets of the batch."""
        return self._loss(outputs, self.targets if targets is None else targets)

    def least_loss(self, outputs: Tensor, targets: Tensor) -> float:
        """The least possible loss for outputs [batch, ...] and targets [batch, ...]; above 0 under label smoothing."""
        criterion = getattr(getattr(self.module, "objective", None), "loss", None)
        smoothing = getattr(criterion, "label_smoothing", 0.0) if self.uses_own_loss else 0.0
        if not smoothing:
            return 0.0
        smoothed = nn.functional.one_hot(targets, outputs.shape[1]) * (1 - smoothing) + smoothing / outputs.shape[1]
        return float(self.loss(smoothed.log(), targets))

    def objective(self) -> Tensor:
        """What training minimises on the batch: the loss plus the module's `penalty` if it has one."""
        loss = self.loss(self.outputs())
        return loss + cast(Tensor, self._penalty()) if callable(self._penalty) else loss

    def gradients(self) -> dict[str, Tensor | None]:
        """The objective's gradient by name of each trainable parameter; None for a parameter without one."""
        trainable = {name: weight for name, weight in self.module.named_parameters() if weight.requires_grad}
        objective = self.objective()
        if not trainable or not objective.requires_grad:
            return dict.fromkeys(trainable)
        gradients = torch.autograd.grad(objective, list(trainable.values()), allow_unused=True)
        return dict(zip(trainable, gradients, strict=True))

    def fresh_copy(self) -> "Subject":
        """The same subject with a new copy of the user's module, for a check that changes the module."""
        subject = copy.copy(self)
        subject.module = copied(self.original, torch.float64)
        return subject


def copied(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy of the module on the CPU, in evaluation mode."""
    # The memo leaves out a LightningModule's trainer, because its loggers and loaders may not be copyable.
    without_trainer: dict[int, Any] = {id(module.__dict__.get("_trainer")): None}
    return copy.deepcopy(module, without_trainer).cpu().to(dtype).eval()
