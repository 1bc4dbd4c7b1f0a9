"""Optimizers and learning-rate schedules of torch.optim, by name and numbers."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer, lr_scheduler

from gradexp.checks import check, did_you_mean

PLANNED = ("CosineAnnealingLR", "OneCycleLR")  # schedules that are laid out over all steps of a fit


def build_optimizer(parameters: Iterable[Parameter], settings: Mapping[str, Any]) -> Optimizer:
    """An optimizer of torch.optim.

    Args:
        parameters: What it updates.
        settings: `name`, its class in torch.optim, and the arguments of that class.

    Raises:
        ValueError: There is no such optimizer, or it does not take an argument or a value.
    """
    optimizer_class = _class_named(torch.optim, Optimizer, settings, "optimizer")
    arguments = _arguments(optimizer_class, settings, "optimizer")
    optimizer: Optimizer = _call(optimizer_class, parameters, arguments, "optimizer")
    return optimizer


def build_scheduler(
    optimizer: Optimizer, settings: Mapping[str, Any], total_steps: float, monitor: str, mode: str
) -> dict[str, Any] | None:
    """A schedule of torch.optim.lr_scheduler in the form that Lightning takes, or None for a constant rate.

    Args:
        optimizer: Whose learning rate is scheduled.
        settings: `name`, its class in torch.optim.lr_scheduler or None; `interval`, "step" or "epoch"; and the
            arguments of that class that `total_steps`, `monitor` and the optimizer's own rate do not give.
        total_steps: Steps of the whole fit; infinite where nothing ends it.
        monitor: Metric that ReduceLROnPlateau watches.
        mode: "max" where more of that metric is better, else "min".

    Raises:
        ValueError: There is no such schedule, or it does not take an argument or a value.
    """
    if settings.get("name") is None:
        return None
    scheduler_class = _class_named(lr_scheduler, lr_scheduler.LRScheduler, settings, "scheduler")
    arguments = _arguments(scheduler_class, settings, "scheduler")
    if settings["name"] in PLANNED and total_steps == float("inf"):
        raise ValueError(
            f"scheduler.name must not be {settings['name']} in a fit without end, over which it cannot be laid out; "
            "set trainer.max_epochs or trainer.max_steps."
        )
    if scheduler_class is lr_scheduler.ReduceLROnPlateau and settings.get("interval", "epoch") != "epoch":
        raise ValueError(
            "scheduler.interval must be epoch for ReduceLROnPlateau, whose metric is measured once an epoch; got "
            f"{settings['interval']!r}."
        )
    if scheduler_class is lr_scheduler.CosineAnnealingLR:
        arguments.setdefault("T_max", total_steps)
    elif scheduler_class is lr_scheduler.OneCycleLR:
        arguments.setdefault("max_lr", [group["lr"] for group in optimizer.param_groups])
        arguments.setdefault("total_steps", total_steps)
    elif scheduler_class is lr_scheduler.ReduceLROnPlateau:
        arguments.setdefault("mode", mode)
    return {
        "scheduler": _call(scheduler_class, optimizer, arguments, "scheduler"),
        "interval": settings.get("interval", "epoch"),
        "monitor": monitor,
    }


def _class_named(module: Any, base: type, settings: Mapping[str, Any], role: str) -> Any:
    name = settings.get("name")
    found = getattr(module, str(name), None)
    if inspect.isclass(found) and issubclass(found, base) and found is not base:
        return found
    valid = [n for n, c in vars(module).items() if inspect.isclass(c) and issubclass(c, base) and c is not base]
    raise ValueError(
        f"{role}.name must be one of {', '.join(sorted(valid))}; got {name!r}.{did_you_mean(str(name), valid)}"
    )


def _arguments(cls: type, settings: Mapping[str, Any], role: str) -> dict[str, Any]:
    """The settings as arguments of `cls`, checked."""
    arguments = {key: value for key, value in settings.items() if key not in ("name", "interval")}
    check(f"{role}.", **{key: value for key, value in settings.items() if key != "name"})
    valid = [name for name in inspect.signature(cls).parameters if name not in ("params", "optimizer")]
    for name in arguments:
        if name not in valid:
            raise ValueError(
                f"{role}.{name} is not an argument of {cls.__name__}, which takes {', '.join(valid)}."
                f"{did_you_mean(name, valid)}"
            )
    return arguments


def _call(cls: Any, subject: Any, arguments: Mapping[str, Any], role: str) -> Any:
    """Call a class of torch.optim, whose own complaints are not all ValueErrors."""
    try:
        return cls(subject, **arguments)
    except (TypeError, ValueError, IndexError) as error:
        given = ", ".join(f"{name}={value}" for name, value in arguments.items())
        raise ValueError(f"{role} must have arguments that {cls.__name__} takes; got {given}: {error}") from error
