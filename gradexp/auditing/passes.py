"""One evaluation of the objective, and its gradients."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gradexp.auditing.trace import Call
from gradexp.auditing.training_step import Term


@dataclass
class Forward:
    """A call of the whole module: its arguments and outputs."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outputs: Any


@dataclass
class Pass:
    """One evaluation of the objective, with gradients enabled.

    `keeps_mode` is False if the step switches the module to the other mode.
    """

    terms: list[Term] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    constants: list[Tensor] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    keeps_mode: bool = True

    @property
    def objective(self) -> Tensor:
        """The sum of the terms."""
        return torch.stack([term.loss for term in self.terms]).sum()

    def objective_of(self, parameter: Tensor) -> Tensor | None:
        """The sum of the terms that are minimised with respect to a parameter; None if there are none."""
        losses = [term.loss for term in self.terms if term.parameters is None or id(parameter) in term.parameters]
        return torch.stack(losses).sum() if losses else None

    def gradients(self, parameters: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradient of each parameter, of the terms that are minimised with respect to it; None if it has none."""
        found: list[Tensor | None] = [None] * len(parameters)
        for term in self.terms:
            positions = [
                position
                for position, weight in enumerate(parameters)
                if weight.requires_grad and (term.parameters is None or id(weight) in term.parameters)
            ]
            if not positions or not term.loss.requires_grad:
                continue
            weights = [parameters[position] for position in positions]
            of_term = torch.autograd.grad(term.loss, weights, allow_unused=True, retain_graph=True)
            for position, gradient in zip(positions, of_term, strict=True):
                earlier = found[position]
                if gradient is not None:
                    found[position] = gradient if earlier is None else earlier + gradient
        return found
