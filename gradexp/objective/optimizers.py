"""Optimizers of torch or another trusted package, built from a section of settings."""

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import SGD, Optimizer

from gradexp.arguments import arguments_of
from gradexp.building.construct import constructed
from gradexp.building.kinds import KINDS
from gradexp.building.sections import check_settings
from gradexp.building.trust import OWN_PACKAGE, trusted_class
from gradexp.rules import did_you_mean

# Optimizers of torch.optim that update each number independently: stacked parameters train as if each were alone.
ELEMENTWISE = (
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
)  # fmt: skip


def build_optimizer(
    parameters: Iterable[Any], settings: Mapping[str, Any], trusted_packages: Sequence[str] = (OWN_PACKAGE,)
) -> Optimizer:
    """An optimizer of parameters, or of groups of them, by its settings: `_target_` and the arguments of that class.

    Raises:
        ValueError: There is no such optimizer, or it does not take an argument or a value.
    """
    cls = trusted_class(target_of(settings), "optimizer", trusted_packages)
    check_settings(settings, "optimizer")
    given = {key: value for key, value in settings.items() if key not in ("_target_", *KINDS["optimizer"].own_keys)}
    optimizer: Optimizer = constructed(cls, "optimizer", given, {"params": parameters})
    if class_name(settings) not in (*ELEMENTWISE, "LBFGS"):
        _try_out(cls, given)
    return optimizer


def _try_out(cls: Any, given: Mapping[str, Any]) -> None:
    """Try a less common optimizer: it must use all its arguments, and step from gradients alone.

    Raises:
        ValueError: It silently ignores an argument, or needs more than gradients.
    """
    read = {name: value for name, value in given.items() if name in arguments_of(cls)}
    weight = Parameter(torch.ones(2, 2))
    trial: Optimizer = constructed(cls, "optimizer", read, {"params": [weight]})
    for name in given.keys() - read.keys() - trial.defaults.keys():
        valid = [known for known in (*arguments_of(cls), *trial.defaults) if known != "params"]
        raise ValueError(f"optimizer.{name} is not read by {cls.__name__}.{did_you_mean(name, valid)}")

    def closure() -> torch.Tensor:
        trial.zero_grad()
        loss = weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
        return loss

    try:
        trial.step(closure)  # type: ignore[arg-type]  # torch's own says float
    except Exception as error:
        raise ValueError(
            f"optimizer._target_ must be an optimizer that steps by gradients alone; {cls.__name__} fails on its first "
            f"step: {error}"
        ) from error


def target_of(settings: Mapping[str, Any]) -> str:
    """The dotted path of the optimizer's class.

    Raises:
        ValueError: The settings have none.
    """
    target = settings.get("_target_")
    if not isinstance(target, str):
        raise ValueError(
            "optimizer._target_ must be the dotted path of an optimizer, such as torch.optim.SGD; got "
            f"{dict(settings)!r}."
        )
    return target


def class_name(settings: Mapping[str, Any] | None) -> str:
    """The name of the class in a section, such as "SGD"; empty if the section has none."""
    return str((settings or {}).get("_target_") or "").rpartition(".")[2]


def is_elementwise(settings: Mapping[str, Any]) -> bool:
    """Whether the optimizer is one of torch's that update each number independently."""
    return target_of(settings).startswith("torch.optim.") and class_name(settings) in ELEMENTWISE


def learning_rate(settings: Mapping[str, Any], trusted_packages: Sequence[str]) -> float:
    """The rate in the settings, else the class's default; NaN if it has none, or if its package is not trusted."""
    if "lr" in settings:
        return float(settings["lr"])
    if settings.get("_target_") is None:  # the module builds its own optimizer
        return math.nan
    try:
        cls = trusted_class(target_of(settings), "optimizer", trusted_packages)
    except ValueError:  # of a record that is only read
        return math.nan
    parameter = inspect.signature(cls).parameters.get("lr")
    default = parameter.default if parameter is not None else None
    return float(default) if isinstance(default, int | float) else math.nan


def is_sgd(settings: Mapping[str, Any]) -> bool:
    """Whether the optimizer is torch's SGD, whichever dotted path names it."""
    target = target_of(settings)
    return target.startswith("torch.optim.") and trusted_class(target, "optimizer") is SGD
