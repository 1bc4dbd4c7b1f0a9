"""One fit among those that a stack trains at once."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import Tensor, nn
from torch.optim import Optimizer

from gradexp.engine.checkpoints import Best
from gradexp.engine.stack.batches import Samples
from gradexp.objective.monitor import Mode
from gradexp.objective.penalty_terms import Penalty

Rates = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Moment:
    """The state of a fit between two epochs.

    Attributes:
        values: The weights [numbers].
        optimizer: The optimizer's state: [numbers] for all parameters, a number for each of them, or, under
            "PARAMETER/NAME", that of one parameter.
        groups: The numbers of the optimizer's parameter groups.
        schedules: The states of the schedules.
        epochs, steps, seconds: Of the fit so far.
        metrics: All values, by name.
        best: What was measured with the best weights so far.
        early_stopping: The state of early stopping; None without it.
    """

    values: Tensor
    optimizer: dict[str, Tensor]
    groups: list[dict[str, Any]]
    schedules: list[dict[str, Any]]
    epochs: int
    steps: int
    seconds: float
    metrics: dict[str, float]
    best: Best | None
    early_stopping: dict[str, Any] | None

    @torch.no_grad()
    def write_into(self, network: nn.Module, optimizer: Optimizer, schedules: Sequence[Any]) -> None:
        """Bring a network, its optimizer and the optimizer's schedules into this state."""
        parameters = dict(network.named_parameters())
        sizes = [parameter.numel() for parameter in parameters.values()]
        for parameter, part in zip(parameters.values(), torch.split(self.values, sizes), strict=True):
            parameter.copy_(part.view_as(parameter))
            optimizer.state[parameter] = {}
        for key, value in self.optimizer.items():
            name, _, of_one = key.rpartition("/")
            if name:
                optimizer.state[parameters[name]][of_one] = value
                continue
            parts = torch.split(value, sizes) if value.ndim else [value.clone() for _ in sizes]
            for parameter, part in zip(parameters.values(), parts, strict=True):
                optimizer.state[parameter][key] = part.view_as(parameter) if value.ndim else part
        for group, numbers in zip(optimizer.param_groups, self.groups, strict=True):
            group.update(numbers)
        for config, state in zip(schedules, self.schedules, strict=True):
            config.scheduler.load_state_dict(state)


@dataclass(eq=False)
class Member:
    """What a fit is, and what becomes of it.

    Attributes:
        network: The network with its initial weights; its structure is that of all members.
        loss: The mean over outputs and targets [batch, ...].
        loss_module: The module that computes it; None if the model does.
        optimizer: Of the network's parameters. It takes no step; its parameter groups hold the numbers.
        schedules: Lightning's LRSchedulerConfig of each schedule of that optimizer.
        penalties: By name.
        proximal: Whether l1 acts as a soft threshold after each step.
        train, val: Its samples; `val` is None without validation.
        seed: Seed of dropout.
        max_epochs: Epochs of the fit.
        monitor: Metric that picks the best weights, such as "val/accuracy"; `mode` says which way is better.
        early_stopping: Lightning's, which decides by the monitor; None for none.
        target: Value of the monitor whose first epoch is noted; None for none.
        clip: Largest norm, or largest number, of the gradient; None for no limit.

        logs: Values for the loggers, each with the step that it belongs to.
        metrics: All values after the last epoch, by name.
        best: What was measured with the best weights; None before the first validation.
        at_best: The state in which they were measured.
        at_end: The state after the fit; of one that diverged, before the epoch in which it did.
        epochs, steps, seconds: Of the fit so far; its seconds are its share of the stack's.
        diverged: How the fit diverged; empty if it did not.
        epochs_to_target, seconds_to_target: When the target was first reached; None before that.
    """

    network: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    loss_module: nn.Module | None
    optimizer: Optimizer
    schedules: list[Any]
    penalties: Mapping[str, Penalty]
    proximal: bool
    train: Samples
    val: Samples | None
    seed: int
    max_epochs: int
    monitor: str
    mode: Mode
    early_stopping: EarlyStopping | None = None
    target: float | None = None
    clip: float | None = None

    logs: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    best: Best | None = None
    at_best: Moment | None = None
    at_end: Moment | None = None
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    diverged: str = ""
    epochs_to_target: int | None = None
    seconds_to_target: float | None = None

    def state(self) -> dict[str, Any]:
        """What became of the fit so far, as plain data for a file."""
        plain = {name: getattr(self, name) for name in RESULTS}
        moments = {name: asdict(moment) if (moment := getattr(self, name)) else None for name in ("at_best", "at_end")}
        best = asdict(self.best) if self.best else None
        groups, schedules = self.rates()
        states = {"groups": groups, "schedules": schedules, "early_stopping": self._stopping()}
        return {**plain, **moments, **states, "best": best}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` gave."""
        for name in RESULTS:
            setattr(self, name, copy(state[name]))
        self.best = Best(**state["best"]) if state["best"] else None
        self.at_best, self.at_end = (_moment(state[name]) for name in ("at_best", "at_end"))
        for group, numbers in zip(self.optimizer.param_groups, state["groups"], strict=True):
            group.update(numbers)
        for config, schedule in zip(self.schedules, state["schedules"], strict=True):
            config.scheduler.load_state_dict(schedule)
        if self.early_stopping is not None:
            self.early_stopping.load_state_dict(state["early_stopping"])

    def rates(self) -> Rates:
        """The numbers of the optimizer's groups, and the states of the schedules that change them."""
        groups = [numbers_of(group) for group in self.optimizer.param_groups]
        return groups, [dict(config.scheduler.state_dict()) for config in self.schedules]

    def moment(self, values: Tensor, optimizer: dict[str, Tensor], rates: Rates | None = None) -> Moment:
        """The state after the last epoch, with these weights [numbers], this state of the optimizer and these rates.

        Without `rates` they are those of now, which steps of an epoch may have changed.
        """
        groups, schedules = rates or self.rates()
        reached = (self.epochs, self.steps, self.seconds, dict(self.metrics), self.best)
        return Moment(values, optimizer, groups, schedules, *reached, self._stopping())

    def _stopping(self) -> dict[str, Any] | None:
        return None if self.early_stopping is None else dict(self.early_stopping.state_dict())


# Of a member, what becomes of its fit, but for the states.
RESULTS = ("logs", "metrics", "epochs", "steps", "seconds", "diverged", "epochs_to_target", "seconds_to_target")


def numbers_of(group: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of an optimizer's parameter group."""
    return {name: value for name, value in group.items() if name != "params"}


def _moment(state: Mapping[str, Any] | None) -> Moment | None:
    if state is None:
        return None
    return Moment(**{**state, "best": Best(**state["best"]) if state["best"] else None})
