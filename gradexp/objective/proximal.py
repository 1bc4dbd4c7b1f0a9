"""The l1 penalty by its proximal operator: weights that are exactly zero."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gradexp.gradients.penalties import soft_threshold


def shrink_after_steps(optimizer: Optimizer, weights: Sequence[Tensor], l1: float) -> None:
    """After each of the optimizer's steps moves the weights towards zero by ``rate * l1``, and no further.

    A step on the smooth part of the objective and then the proximal operator of the rest is proximal gradient descent
    (Daubechies, Defrise and De Mol 2004; Beck and Teboulle 2009, ISTA). It rests where the objective is least, with
    the zeros that the subgradient of |w| only dances around. With momentum mu and dampening d a constant gradient moves
    a weight by lr (1 - d) / (1 - mu) times itself in a step, which is the rate that the threshold goes by then.

    Args:
        optimizer: An SGD.
        weights: What bears the penalty.
        l1: Factor of the penalty.
    """
    penalized = {id(weight) for weight in weights}

    @torch.no_grad()
    def shrink(stepped: Optimizer, args: Any, kwargs: Any) -> None:
        for group in stepped.param_groups:
            pace = (1 - group["dampening"]) / (1 - group["momentum"]) if group["momentum"] else 1.0
            for parameter in group["params"]:
                if id(parameter) in penalized:
                    parameter.copy_(soft_threshold(parameter, group["lr"] * pace * l1))

    optimizer.register_step_post_hook(shrink)
