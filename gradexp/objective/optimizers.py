"""Optimizers, of torch or of another trusted package, from a section of settings."""

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

# Of torch.optim, those that treat every number by itself: what is stacked moves as if each part were alone.
ELEMENTWISE = (
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
)  # fmt: skip


def build_optimizer(
    parameters: Iterable[Any], settings: Mapping[str, Any], trusted_packages: Sequence[str] = (OWN_PACKAGE,)
) -> Optimizer:
    """An optimizer of these settings.

    Args:
        parameters: What it updates: tensors, or groups of them (see gradexp.objective.weights.parameter_groups).
        settings: `_target_`, the dotted path of its class, and the arguments of that class.
        trusted_packages: Packages that may be imported beside torch.optim.

    Raises:
        ValueError: There is no such optimizer, or it does not take an argument or a value.
    """
    cls = trusted_class(target_of(settings), "optimizer", trusted_packages)
    check_settings("optimizer", settings, "optimizer")
    own = KINDS["optimizer"].own_keys
    given = {key: value for key, value in settings.items() if key != "_target_" and key not in own}
    optimizer: Optimizer = constructed(cls, "optimizer", given, {"params": parameters})
    if class_name(settings) not in (*ELEMENTWISE, "LBFGS"):
        _try_out(cls, given)
    return optimizer


def _try_out(cls: Any, given: Mapping[str, Any]) -> None:
    """Hold a less usual optimizer against what a training step does: read its arguments, and step by gradients.

    Raises:
        ValueError: It swallows an argument that it does not know, or needs more than gradients.
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
        ValueError: There is none.
    """
    target = settings.get("_target_")
    if not isinstance(target, str):
        raise ValueError(
            "optimizer._target_ must be the dotted path of an optimizer, such as torch.optim.SGD; got "
            f"{dict(settings)!r}."
        )
    return target


def class_name(settings: Mapping[str, Any] | None) -> str:
    """The name of the class in a section, such as "SGD"; empty where there is none."""
    return str((settings or {}).get("_target_") or "").rpartition(".")[2]


def is_elementwise(settings: Mapping[str, Any]) -> bool:
    """Whether the optimizer is one of torch's that treat every number by itself."""
    return target_of(settings).startswith("torch.optim.") and class_name(settings) in ELEMENTWISE


def learning_rate(settings: Mapping[str, Any], trusted_packages: Sequence[str]) -> float:
    """The rate in the settings, else the class's own default; NaN where it has none."""
    if "lr" in settings:
        return float(settings["lr"])
    if settings.get("_target_") is None:  # of a module that makes its own
        return math.nan
    cls = trusted_class(target_of(settings), "optimizer", trusted_packages)
    parameter = inspect.signature(cls).parameters.get("lr")
    default = parameter.default if parameter is not None else None
    return float(default) if isinstance(default, int | float) else math.nan


def is_sgd(settings: Mapping[str, Any]) -> bool:
    """Whether the optimizer is torch's SGD, by whatever path it was named."""
    target = target_of(settings)
    return target.startswith("torch.optim.") and trusted_class(target, "optimizer") is SGD
