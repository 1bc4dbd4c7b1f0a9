"""An ordinary optimizer for stacked parameters, in which each member has parameter groups with numbers of its own."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer

from gradexp.engine.stack.member import numbers_of
from gradexp.engine.stack.parameters import StackedParameters
from gradexp.objective.optimizers import ELEMENTWISE

FUSED = (SGD, Adam, AdamW, Adagrad)  # torch's fused updates read and write each number once


def steps_by_gradients(optimizer: Optimizer) -> bool:
    """Whether the optimizer steps without a closure that evaluates the objective again, as L-BFGS needs."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is None or closure.default is None


class GroupUpdates:
    """One optimizer object for all members.

    Best for networks whose updates cost more than the calls, and right for every class of optimizer that looks at each
    parameter by itself. The numbers are read from the members' own optimizers, to which schedules are attached.

    Args:
        parameters: What is trained.
        optimizers: Each member's, over the parameters of its network; all of one class.
        names: Of the parameters in each group of a member's optimizer.
    """

    def __init__(
        self,
        parameters: StackedParameters,
        optimizers: Sequence[Optimizer],
        names: Sequence[Sequence[str]],
    ) -> None:
        self._parameters = parameters
        self._optimizers = list(optimizers)
        self._names = names
        # Of a class that treats every number by itself, a member's parameters can be one vector.
        cls = type(optimizers[0])
        by_number = cls.__module__.startswith("torch.optim.") and cls.__name__ in ELEMENTWISE
        self._as_vectors = by_number and len(names) == 1
        self._stepper = self._build()
        if any(optimizer.state for optimizer in optimizers):  # of a class that has a state before the first step
            self.load([self._first_state(optimizer) for optimizer in optimizers])

    def read_numbers(self) -> None:
        """Read the numbers of the members' optimizers, which schedules may have changed."""
        own = (group for optimizer in self._optimizers for group in optimizer.param_groups)
        for group, source in zip(self._stepper.param_groups, own, strict=True):
            group.update({name: value for name, value in numbers_of(source).items() if name != "fused"})

    def step(self, gradient: Tensor) -> None:
        """Update all members by a gradient [members, numbers]."""
        for group, views in zip(self._stepper.param_groups, self._views(gradient), strict=True):
            for parameter, view in zip(group["params"], views, strict=True):
                parameter.grad = view
        self._stepper.step()

    def state_of(self, row: int) -> dict[str, Tensor]:
        """A copy of a member's state, in the form that Moment has it."""
        groups = self._stepper.param_groups[row * len(self._names) : (row + 1) * len(self._names)]
        if self._as_vectors:
            (vector,) = groups[0]["params"]
            return {key: value.clone() for key, value in self._stepper.state[vector].items()}
        return {
            f"{name}/{key}": value.clone()
            for group, names in zip(groups, self._names, strict=True)
            for parameter, name in zip(group["params"], names, strict=True)
            for key, value in self._stepper.state[parameter].items()
        }

    def snapshot(self) -> Callable[[int], dict[str, Tensor]]:
        """A copy of all members' states: what `state_of` gives for each row now."""
        return [self.state_of(row) for row in range(len(self._optimizers))].__getitem__

    def load(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Continue from the members' states, as `state_of` gave them."""
        self._stepper = self._build()
        for row, state in enumerate(states):
            groups = self._stepper.param_groups[row * len(self._names) : (row + 1) * len(self._names)]
            for group, names in zip(groups, self._names, strict=True):
                for parameter, name in zip(group["params"], names, strict=False):
                    prefix = "" if self._as_vectors else f"{name}/"
                    self._stepper.state[parameter] = {
                        key.removeprefix(prefix): value.clone()
                        for key, value in state.items()
                        if key.startswith(prefix)
                    }

    def keep(self, rows: Tensor) -> None:
        """Drop all members but those of these rows; `parameters` has dropped them already."""
        states = [self.state_of(row) for row in rows.tolist()]
        self._optimizers = [self._optimizers[row] for row in rows.tolist()]
        self.load(states)

    def _build(self) -> Optimizer:
        values = self._parameters.values.detach()
        views = iter(self._views(values))
        groups = [
            {"params": next(views), **numbers_of(group)}
            for optimizer in self._optimizers
            for group in optimizer.param_groups
        ]
        fused = self._as_vectors and type(self._optimizers[0]) in FUSED and values.dtype == torch.float32
        for group in groups:
            if fused and group["fused"] is None and not group["foreach"]:
                group["fused"] = True
        cls: Any = type(self._optimizers[0])
        stepper: Optimizer = cls(groups)
        return stepper

    def _first_state(self, optimizer: Optimizer) -> dict[str, Tensor]:
        own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if not self._as_vectors:
            names = (name for group in self._names for name in group)
            return {
                f"{name}/{key}": value
                for name, p in zip(names, own, strict=True)
                for key, value in optimizer.state[p].items()
            }
        first = optimizer.state[own[0]]
        return {
            key: torch.cat([optimizer.state[p][key].flatten() for p in own]) if value.ndim else value
            for key, value in first.items()
        }

    def _views(self, matrix: Tensor) -> list[list[Tensor]]:
        """Of each group of each member: its parameters' numbers in a matrix [members, numbers]."""
        if self._as_vectors:
            return [[row] for row in matrix]
        stacked = self._parameters.by_name(matrix)
        return [[stacked[name][row] for name in names] for row in range(len(matrix)) for names in self._names]
