"""How penalties act on the weights: as terms of the objective, and l1 also by its proximal operator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gradexp.building.trust import trusted_function
from gradexp.gradients.penalties import soft_threshold
from gradexp.objective import penalties
from gradexp.rules import NON_NEGATIVE, check, did_you_mean


@dataclass(frozen=True)
class Penalty:
    """A function of a weight [outputs, inputs, ...] and its factor in the objective."""

    function: Callable[[Tensor], Tensor]
    factor: float


def build_penalties(factors: Mapping[str, Any], trusted_packages: Sequence[str]) -> dict[str, Penalty]:
    """The penalties whose factor is above zero.

    Args:
        factors: By name in gradexp.objective.penalties; any other name has a section: `_target_`, the dotted path of a
            function of a weight, `factor`, and further arguments of that function.
        trusted_packages: Packages that such a function may come from.

    Raises:
        ValueError: There is no such penalty, or a factor is not a number of at least 0.
    """
    built = {}
    for name, value in factors.items():
        if isinstance(value, Mapping):
            factor = value.get("factor", 1.0)
            function = trusted_function(value.get("_target_"), trusted_packages, f"regularizer.{name}._target_")
            arguments = {key: item for key, item in value.items() if key not in ("_target_", "factor")}
            function = partial(function, **arguments) if arguments else function
        else:
            factor, function = value, _named(name)
        check(f"regularizer.{name}", factor, NON_NEGATIVE)
        if factor:
            built[name] = Penalty(function, factor)
    return built


def _named(name: str) -> Callable[[Tensor], Tensor]:
    valid: dict[str, Callable[[Tensor], Tensor]] = {
        key: value
        for key, value in vars(penalties).items()
        if not key.startswith("_") and getattr(value, "__module__", None) == penalties.__name__
    }
    if name not in valid:
        raise ValueError(f"regularizer.{name} is no penalty; there are {', '.join(valid)}.{did_you_mean(name, valid)}")
    return valid[name]


def shrink_after_steps(optimizer: Optimizer, weights: Sequence[Tensor], l1: float) -> None:
    """Move these weights towards zero by ``rate * l1`` after each step of an SGD, stopping at zero.

    A step on the smooth part of the objective followed by the proximal operator of the rest is proximal gradient
    descent (Daubechies, Defrise and De Mol 2004; Beck and Teboulle 2009, ISTA). It converges to the minimum with exact
    zeros; subgradient steps oscillate around them. With momentum mu and dampening d, a constant gradient g moves a
    weight by lr (1 - d) / (1 - mu) g per step, so the threshold uses that rate.
    """
    penalised = {id(weight) for weight in weights}

    @torch.no_grad()
    def shrink(stepped: Optimizer, args: Any, kwargs: Any) -> None:
        for group in stepped.param_groups:
            for parameter in group["params"]:
                if id(parameter) in penalised:
                    parameter.copy_(soft_threshold(parameter, step_size(group) * l1))

    optimizer.register_step_post_hook(shrink)


def step_size(group: Mapping[str, Any]) -> float:
    """How far a group of an SGD moves a weight, per step, against a constant gradient of 1."""
    gain = (1 - group["dampening"]) / (1 - group["momentum"]) if group["momentum"] else 1.0
    return float(group["lr"] * gain)
