"""States of optimizers and schedules in a checkpoint, with other numbers for the fit that resumes from it.

The states are plain data and change before torch loads them. Otherwise they would replace the numbers that the
optimizer and the schedule were built with.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch.optim import lr_scheduler

from gradexp.building.trust import trusted_class
from gradexp.objective.schedules import RELATIVE

State = dict[str, Any]

# Of schedules without a fixed end, the numbers that they read in each step.
SCHEDULE_NUMBERS: Mapping[type, tuple[str, ...]] = {
    lr_scheduler.StepLR: ("step_size", "gamma"),
    lr_scheduler.MultiStepLR: ("gamma",),
    lr_scheduler.ExponentialLR: ("gamma",),
    lr_scheduler.ReduceLROnPlateau: ("factor", "patience", "threshold", "cooldown", "eps"),
}


def scales_rate(settings: Mapping[str, Any], trusted_packages: Sequence[str]) -> bool:
    """Whether a schedule's rate is always `optimizer.lr` times a factor that does not depend on it."""
    if settings.get("_target_") is None:
        return True
    return issubclass(trusted_class(settings["_target_"], "scheduler", trusted_packages), RELATIVE)


def main_state(schedules: Sequence[State]) -> State:
    """The state of a schedule itself, not of the warm-up before or beside it; empty if there is none."""
    if not schedules:
        return {}
    state = schedules[-1]
    main: State = state["_schedulers"][-1] if "_schedulers" in state else state
    return main


def set_optimizer_number(states: Sequence[State], name: str, old: Any, new: Any) -> None:
    """Set a number in all parameter groups that have the old one: a group without weight decay stays without."""
    for state in states:
        for group in state["param_groups"]:
            if _same(group[name], old):
                group[name] = type(group[name])(new) if isinstance(group[name], tuple) else new


def set_rate(optimizers: Sequence[State], schedules: Sequence[State], old: float, new: float) -> None:
    """Set the learning rate; where a schedule has changed it, its factor is kept: the present rate times new / old."""
    for state in optimizers:
        for group in state["param_groups"]:
            for key in group.keys() & {"lr", "initial_lr"}:
                group[key] = _scaled(group[key], old, new)
    for state in schedules:
        for key in state.keys() & {"base_lrs", "_last_lr"}:
            state[key] = [_scaled(rate, old, new) for rate in state[key]]
        set_rate((), state.get("_schedulers", ()), old, new)


def set_schedule_number(schedules: Sequence[State], name: str, new: Any) -> None:
    """Set a number of the schedule itself."""
    main_state(schedules)[name] = new


def _scaled(rate: Any, old: float, new: float) -> Any:
    return new if rate == old else rate * (new / old)


def _same(one: Any, other: Any) -> bool:
    return bool(list(one) == list(other) if isinstance(one, list | tuple) else one == other)
