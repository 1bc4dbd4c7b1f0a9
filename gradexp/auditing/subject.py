"""What is audited: a copy of the module, one batch, and the loss."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


class Subject:
    """A copy of a module in float64, on the CPU, which nothing that is done to it changes the user's own by.

    Dropout is off throughout, for two passes must agree; batch normalisation goes by its running statistics.

    Args:
        module: Any network; of a LightningModule, what its forward computes.
        batch: Inputs [batch, ...] and targets [batch, ...].
        loss: Of outputs and targets; None for the module's own `loss`, else the cross-entropy.
    """

    def __init__(self, module: nn.Module, batch: tuple[Tensor, Tensor], loss: Loss | None) -> None:
        self.original = module
        self.module = copied(module, torch.float64)
        self.inputs, self.targets = (_in(torch.float64, value.detach().cpu()) for value in batch)
        self.has_own_loss = loss is None
        own = getattr(self.module, "loss", None)
        self._loss: Loss = loss or (own if callable(own) else nn.functional.cross_entropy)
        self._penalty = getattr(self.module, "penalty", None)

    @property
    def classes(self) -> int | None:
        """Of how many classes the outputs are logits, by a loss that is their cross-entropy; None where it is not."""
        with torch.no_grad():
            outputs = self.outputs()
            is_table = outputs.ndim == 2 and outputs.shape[1] > 1
            if not is_table or self.targets.ndim != 1 or self.targets.dtype != torch.long:
                return None
            expected = nn.functional.cross_entropy(outputs, self.targets)
            return outputs.shape[1] if torch.isclose(self.loss(outputs), expected) else None

    def outputs(self, inputs: Tensor | None = None) -> Tensor:
        """What the module makes of inputs [batch, ...], of the batch where none are given."""
        return cast(Tensor, self.module(self.inputs if inputs is None else inputs))

    def loss(self, outputs: Tensor, targets: Tensor | None = None) -> Tensor:
        """The loss of outputs [batch, ...], against the batch's targets where none are given."""
        return self._loss(outputs, self.targets if targets is None else targets)

    def least_loss(self, outputs: Tensor, targets: Tensor) -> float:
        """The least that the loss of any outputs like these can be: above 0 under label smoothing.

        Args:
            outputs: [batch, ...].
            targets: [batch, ...].
        """
        criterion = getattr(getattr(self.module, "objective", None), "loss", None)
        smoothing = getattr(criterion, "label_smoothing", 0.0) if self.has_own_loss else 0.0
        if not smoothing:
            return 0.0
        wanted = nn.functional.one_hot(targets, outputs.shape[1]) * (1 - smoothing) + smoothing / outputs.shape[1]
        return float(self.loss(wanted.log(), targets))

    def objective(self) -> Tensor:
        """What training minimises on the batch: the loss, and the module's own penalty where it has one."""
        loss = self.loss(self.outputs())
        return loss + cast(Tensor, self._penalty()) if callable(self._penalty) else loss

    def gradients(self) -> dict[str, Tensor | None]:
        """The objective's gradient by name of each parameter that is trained; None where none comes."""
        free = {name: weight for name, weight in self.module.named_parameters() if weight.requires_grad}
        objective = self.objective()
        if not free or not objective.requires_grad:
            return dict.fromkeys(free)
        return dict(zip(free, torch.autograd.grad(objective, list(free.values()), allow_unused=True), strict=True))

    def again(self) -> "Subject":
        """The same with a new copy of the user's module, to be trained or set to train."""
        own = copy.copy(self)
        own.module = copied(self.original, torch.float64)
        return own


def copied(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy of the module on the CPU, set to evaluate."""
    with _without_trainer(module):
        return copy.deepcopy(module).cpu().to(dtype).eval()


def _in(dtype: torch.dtype, value: Tensor) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value


@contextmanager
def _without_trainer(module: Any) -> Iterator[None]:
    """A LightningModule's trainer holds loggers and loaders, which are neither wanted in a copy nor always copyable."""
    trainer = module.__dict__.get("_trainer")
    if trainer is not None:
        module.__dict__["_trainer"] = None
    try:
        yield
    finally:
        if trainer is not None:
            module.__dict__["_trainer"] = trainer
