"""The l1 penalty by its proximal operator, which gives weights that are exactly zero."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gradexp.gradients.penalties import soft_threshold


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
            gain = (1 - group["dampening"]) / (1 - group["momentum"]) if group["momentum"] else 1.0
            for parameter in group["params"]:
                if id(parameter) in penalised:
                    parameter.copy_(soft_threshold(parameter, group["lr"] * gain * l1))

    optimizer.register_step_post_hook(shrink)
