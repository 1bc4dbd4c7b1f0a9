"""The losses and penalties of several members."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.optim import Optimizer

from gradexp.engine.stack.parameters import StackedParameters
from gradexp.gradients.penalties import soft_threshold
from gradexp.objective import penalties
from gradexp.objective.losses import CrossEntropy
from gradexp.objective.penalty_terms import Penalty, step_size
from gradexp.objective.weights import weights

Loss = Callable[[Tensor, Tensor], Tensor]

# What torch.vmap would give, in less time.
BY_ROWS: Mapping[Any, Callable[[Tensor], Tensor]] = {
    penalties.l1: lambda weight: weight.abs().flatten(1).sum(dim=1),
    penalties.l2: lambda weight: weight.square().flatten(1).sum(dim=1),
}


def stacked_loss(losses: Sequence[Loss], modules: Sequence[nn.Module | None]) -> Loss:
    """The mean losses [members] of outputs and targets [members, batch, ...].

    Args:
        losses: Each member's, of its outputs and targets [batch, ...].
        modules: The module in each loss, all of one class; None where the model computes it.
    """
    if all(type(module) is CrossEntropy for module in modules):
        return _CrossEntropies(modules)
    if all(type(module) is nn.MSELoss for module in modules):  # torch.vmap takes three times as long as a small step
        return _squared_errors
    first = modules[0]
    if first is None or (next(first.buffers(), None) is None and _are_equal(modules)):
        loss: Loss = torch.vmap(losses[0])
        return loss
    return _WithBuffers(losses[0], modules) if _are_equal(modules) else partial(_one_by_one, losses)


def _are_equal(modules: Sequence[nn.Module | None]) -> bool:
    """Whether the modules have equal settings; buffers, such as balanced class weights, may differ."""
    settings = [
        {name: value for name, value in vars(module).items() if isinstance(value, int | float | str | None)}
        for module in modules
    ]
    return all(one == settings[0] for one in settings)


def _one_by_one(losses: Sequence[Loss], outputs: Tensor, targets: Tensor) -> Tensor:
    return torch.stack([loss(*of_one) for loss, *of_one in zip(losses, outputs, targets, strict=True)])


def _squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape != targets.shape:
        raise ValueError(f"outputs and targets must have the same shape; got {outputs.shape} and {targets.shape}.")
    return (outputs - targets).square().flatten(1).mean(dim=1)


class _WithBuffers:
    """A loss whose module has buffers with other numbers in each member."""

    def __init__(self, loss: Loss, modules: Sequence[nn.Module | None]) -> None:
        self._owner = _Owner(loss, modules[0])
        buffers = [dict(_Owner(loss, module).named_buffers()) for module in modules]
        self._buffers = {name: torch.stack([one[name] for one in buffers]) for name in buffers[0]}
        self._loss = torch.vmap(lambda *arguments: functional_call(self._owner, arguments[0], arguments[1:]))

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = self._loss(
            {name: one.to(outputs.device) for name, one in self._buffers.items()}, outputs, targets
        )
        return loss


class _Owner(nn.Module):
    """A loss as a module that owns the module in it, so that a call can replace the buffers."""

    def __init__(self, loss: Loss, module: nn.Module | None) -> None:
        super().__init__()
        self.module = module
        self._loss = partial(loss)  # if it is the module itself, nn.Module would register it a second time

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._loss(outputs, targets)


class _CrossEntropies:
    def __init__(self, modules: Sequence[Any]) -> None:
        smoothing = {module.label_smoothing for module in modules}
        self._common = smoothing.pop() if len(smoothing) == 1 else None
        self._smoothing = torch.tensor([module.label_smoothing for module in modules]).unsqueeze(1)
        self._class_weight = None
        if any(module.class_weight is not None for module in modules):
            ones = torch.ones(modules[0].num_classes)
            self._class_weight = torch.stack(
                [ones if module.class_weight is None else module.class_weight.cpu() for module in modules]
            )

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self._common is not None:
            flat, classes = outputs.flatten(0, 1), targets.flatten()
            each = F.cross_entropy(flat, classes, reduction="none", label_smoothing=self._common).view_as(targets)
        else:
            logs = outputs.log_softmax(dim=2)
            of_target = logs.gather(2, targets.unsqueeze(2)).squeeze(2)
            smoothing = self._smoothing.to(outputs)
            each = -(1 - smoothing) * of_target - smoothing * logs.mean(dim=2)
        if self._class_weight is not None:
            each = each * self._class_weight.to(outputs).gather(1, targets)
        return each.mean(dim=1)


class StackedPenalties:
    """The sum of each member's penalties over its weights.

    Args:
        penalties: Each member's, by name; functions of equal names are equal, factors may differ.
        parameters: What is trained.
        proximal: Whether l1 acts by `shrink` instead of by its gradient.
    """

    def __init__(
        self, penalties: Sequence[Mapping[str, Penalty]], parameters: StackedParameters, proximal: bool = False
    ) -> None:
        self._functions = {name: penalty.function for one in penalties for name, penalty in one.items()}
        self._factors = {
            name: torch.tensor([one[name].factor if name in one else 0.0 for one in penalties])
            for name in self._functions
        }
        names = [name for name, shape in parameters.shapes.items() if len(shape) >= 2]
        self._columns = parameters.columns(names)
        self._applies = bool(self._functions) and bool(names)
        self._proximal = proximal

    def __call__(self, by_name: Mapping[str, Tensor]) -> Tensor | None:
        """The penalties [members] of parameters [members, ...] by name; None where there are none."""
        if not self._applies:
            return None
        stacked = list(weights(by_name.items(), stacked=True))
        total = torch.zeros(len(stacked[0]), device=stacked[0].device)
        for name, function in self._functions.items():
            of_rows = BY_ROWS.get(function) or torch.vmap(function)
            size = torch.stack([of_rows(weight) for weight in stacked]).sum(dim=0)
            factor = self._factors[name].to(size)
            total = total + factor * (size.detach() if self._proximal and name == "l1" else size)
        return total

    @torch.no_grad()
    def shrink(self, values: Tensor, optimizers: Sequence[Optimizer]) -> None:
        """Move the weights towards zero after a step of the members' SGD, if l1 is proximal; see shrink_after_steps."""
        if self._proximal and "l1" in self._functions:
            rates = [step_size(optimizer.param_groups[0]) for optimizer in optimizers]
            thresholds = torch.tensor(rates, dtype=torch.float64) * self._factors["l1"]
            values.copy_(soft_threshold(values, thresholds.to(values).unsqueeze(1) * self._columns))
