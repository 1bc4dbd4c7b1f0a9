"""Ordinary optimizers for stacked parameters, in which each member has numbers of its own."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
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
    """Optimizer objects for all members.

    Best for networks whose updates cost more than the calls, and right for every class of optimizer. Those of
    torch.optim look at each parameter by itself, so that one object steps all members, in a parameter group for each
    setting; of any other class each member has an object. The numbers are read from the members' own optimizers, to
    which schedules are attached.

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
        self._cls = type(optimizers[0])
        self._is_joint = self._cls.__module__.startswith("torch.optim.")
        # Of a class that treats every number by itself, a member's parameters can be one vector.
        self._as_vectors = self._is_joint and self._cls.__name__ in ELEMENTWISE and len(names) == 1
        self._is_fused = self._as_vectors and self._cls in FUSED and parameters.values.dtype == torch.float32
        self._build()
        if any(optimizer.state for optimizer in optimizers):  # of a class that has a state before the first step
            self.load([self._first_state(optimizer) for optimizer in optimizers])

    def _build(self) -> None:
        self._own = self._views(self._parameters.values)
        self._gradient: Tensor | None = None  # whose views the parameters have
        rows = [range(len(self._own))] if self._is_joint else [[row] for row in range(len(self._own))]
        self._steppers = [_like(self._optimizers[of_one[0]], self._groups(of_one)) for of_one in rows]
        self._stepper_of = [self._steppers[0 if self._is_joint else row] for row in range(len(self._own))]

    def _groups(self, rows: Iterable[int]) -> list[dict[str, Any]]:
        """The parameter groups of these members; groups of equal numbers are one, which takes one call a step."""
        groups: dict[str, dict[str, Any]] = {}
        for row in rows:
            for place, (source, own) in enumerate(zip(self._optimizers[row].param_groups, self._own[row], strict=True)):
                numbers = numbers_of(source)
                if self._is_fused and numbers["fused"] is None and not numbers["foreach"]:
                    numbers["fused"] = True
                key = f"{place} {numbers}" if self._is_joint else str(place)
                groups.setdefault(key, {"params": [], **numbers})["params"].extend(own)
        return list(groups.values())

    def read_numbers(self) -> None:
        """Read the numbers of the members' optimizers, which schedules may have changed."""
        if self._is_joint:
            self._steppers[0].param_groups = self._groups(range(len(self._own)))
            return
        for stepper, optimizer in zip(self._steppers, self._optimizers, strict=True):
            for group, source in zip(stepper.param_groups, optimizer.param_groups, strict=True):
                group.update(numbers_of(source))

    def step(self, gradient: Tensor) -> None:
        """Update all members by a gradient [members, numbers]."""
        if gradient is not self._gradient:
            for own, views in zip(self._own, self._views(gradient), strict=True):
                for parameter, view in zip(chain(*own), chain(*views), strict=True):
                    parameter.grad = view
            self._gradient = gradient
        for stepper in self._steppers:
            stepper.step()

    def state_of(self, row: int) -> dict[str, Tensor]:
        """A copy of a member's state, in the form that Moment has it."""
        state = self._stepper_of[row].state
        return {
            f"{prefix}{key}": value.clone()
            for prefix, parameter in self._named(row)
            for key, value in state[parameter].items()
        }

    def snapshot(self) -> Callable[[int], dict[str, Tensor]]:
        """A copy of all members' states: what `state_of` gives for each row now."""
        return [self.state_of(row) for row in range(len(self._optimizers))].__getitem__

    def load(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Continue from the members' states, as `state_of` gave them."""
        self._build()
        for row, state in enumerate(states):
            for prefix, parameter in self._named(row):
                own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
                # Of the counts of steps, which have no dimension, torch keeps those of fused updates with the weights.
                self._stepper_of[row].state[parameter] = {
                    key: value.to(parameter.device, copy=True) if value.ndim or self._is_fused else value.clone()
                    for key, value in own.items()
                }

    def keep(self, rows: Tensor) -> None:
        """Drop all members but those of these rows; `parameters` has dropped them already."""
        states = [self.state_of(row) for row in rows.tolist()]
        self._optimizers = [self._optimizers[row] for row in rows.tolist()]
        self.load(states)

    def _named(self, row: int) -> Iterator[tuple[str, Tensor]]:
        """What a member's optimizer steps, with the prefix of its state's names: "" where that is one vector."""
        names = [[""]] if self._as_vectors else [[f"{name}/" for name in group] for group in self._names]
        return zip(chain(*names), chain(*self._own[row]), strict=True)

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

    def _views(self, matrix: Tensor) -> list[list[list[Tensor]]]:
        """Of each member, of each group: its parameters' numbers in a matrix [members, numbers]."""
        if self._as_vectors:
            return [[[row]] for row in matrix]
        stacked = self._parameters.by_name(matrix)
        return [[[stacked[name][row] for name in names] for names in self._names] for row in range(len(matrix))]


def _like(optimizer: Optimizer, groups: list[dict[str, Any]]) -> Optimizer:
    """A new optimizer of the same class and options, with other parameters; its constructor may need arguments."""
    new: Optimizer = object.__new__(type(optimizer))
    # A schedule has wrapped the method `step` of its optimizer.
    new.__dict__.update({name: value for name, value in vars(optimizer).items() if name != "step"})
    new.param_groups, new.state = groups, defaultdict(dict)
    return new
