"""Finds the members whose loss, outputs or weights are no longer finite, and where that began."""

import torch
from torch import Tensor


class FiniteChecks:
    """Records a sum of each layer's outputs and the objective of every step, and checks them every few steps."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._steps: list[int] = []
        self._sums: list[Tensor] = []
        self._of_step: list[tuple[str, Tensor]] = []

    def record(self, name: str, outputs: Tensor) -> None:
        """Record a layer's outputs [members, ...]."""
        self._of_step.append((name, outputs.detach().flatten(1).sum(dim=1)))

    def end_step(self, step: int, objective: Tensor) -> None:
        """Record the objective [members] of a step, after its layers."""
        self._names = [*(name for name, _ in self._of_step), ""]
        self._sums.append(torch.stack([*(value for _, value in self._of_step), objective.detach()]))
        self._steps.append(step)
        self._of_step.clear()

    def check(self) -> dict[int, str]:
        """The rows of the members that diverged since the last check, each with the first step and layer."""
        if not self._sums:
            return {}
        sums, steps = torch.stack(self._sums), self._steps  # [steps, layers + 1, members]
        self._sums, self._steps = [], []
        is_bad = ~sums.isfinite()
        found = {}
        for row in is_bad.flatten(0, 1).any(dim=0).nonzero().flatten().tolist():
            first = int(is_bad[:, :, row].flatten().nonzero()[0])
            step, layer = divmod(first, len(self._names))
            found[row] = first_not_finite(steps[step], self._names[layer], sums[step, layer, row].item())
        return found


def first_not_finite(step: int, layer: str, value: float) -> str:
    """How a fit diverged: at which step, and in which layer, or in the loss if `layer` is empty."""
    source = f"the output of layer '{layer}'" if layer else "the loss"
    return f"at step {step} {source} was the first that is not finite (it sums to {value})"
