"""Descent on a surface from many starts at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.building.trust import OWN_PACKAGE
from gradexp.models.surfaces import Surface
from gradexp.objective.optimizers import ELEMENTWISE, build_optimizer, class_name, is_elementwise
from gradexp.rules import COUNT, POSITIVE, check

REPORTS = 200  # calls of `progress` in a descent, about


@torch.no_grad()
def descend(
    surface: Surface,
    starts: Tensor,
    optimizer: Mapping[str, Any],
    steps: int,
    every: int = 1,
    progress: Callable[[int], object] | None = None,
    trusted_packages: Sequence[str] = (OWN_PACKAGE,),
) -> Tensor:
    """Follow an optimizer from each start, by the gradient in closed form.

    Each start moves as if it were alone. One that diverges becomes infinite or NaN and disturbs no other.

    Args:
        surface: What to descend.
        starts: Initial points [starts, 2], whose type and device the descent keeps.
        optimizer: `_target_`, the dotted path of a class, and its arguments. Adam and AdamW are fastest with `fused`;
            one that does not treat every number by itself, such as LBFGS, takes one start only.
        steps: Steps to take.
        every: Steps between two records.
        progress: Called now and then, and at the end, with the number of steps done.
        trusted_packages: Packages that the optimizer may come from beside torch.optim.

    Returns:
        The path [records, starts, 2]: the starts, then the points after each `every`-th step and after the last.

    Raises:
        ValueError: An argument breaks its rule.
    """
    check("steps", steps, COUNT)
    check("every", every, COUNT)
    if starts.ndim != 2 or starts.shape[1] != 2 or not starts.is_floating_point():
        raise ValueError(
            f"starts must be a floating-point tensor [starts, 2]; got {list(starts.shape)} of {starts.dtype}."
        )
    name = class_name(optimizer)
    if len(starts) > 1 and not is_elementwise(optimizer):
        raise ValueError(
            f"optimizer._target_ must be one of {', '.join(ELEMENTWISE)}, which treat every number by itself, for "
            f"several starts at once; got {name!r} with {len(starts)} starts."
        )

    # One row a coordinate: operations on x alone then run over neighbouring memory, in less than half the time.
    points = nn.Parameter(starts.T.clone(memory_format=torch.contiguous_format))
    gradient = points.grad = torch.empty_like(points)
    x, y = points.detach()  # views, which the optimizer's steps move
    stepper = build_optimizer([points], optimizer, trusted_packages)

    def evaluate() -> float:
        torch.stack(surface.partials(x, y), out=gradient)
        return surface.function(x, y).item()

    path = starts.new_empty(1 + -(-steps // every), *starts.shape)
    path[0] = starts
    report_every = max(1, steps // REPORTS)
    for step in range(1, steps + 1):
        if name == "LBFGS":
            stepper.step(evaluate)
        else:
            torch.stack(surface.partials(x, y), out=gradient)
            stepper.step()
        if step % every == 0 or step == steps:
            path[-(-step // every)] = points.T
        if progress is not None and (step % report_every == 0 or step == steps):
            progress(step)
    return path


def nearest_minimum(surface: Surface, points: Tensor, tolerance: float) -> Tensor:
    """Which minimum each point has reached.

    Args:
        surface: Whose minima.
        points: Points [points, 2].
        tolerance: Greatest Euclidean distance from a minimum.

    Returns:
        Indices [points] into `surface.minima + surface.local_minima`; -1 where none is within the tolerance.

    Raises:
        ValueError: The tolerance is not above 0.
    """
    check("tolerance", tolerance, POSITIVE)
    nothing = torch.full((len(points),), -1, device=points.device)
    minima = points.new_tensor(surface.minima + surface.local_minima)
    if not len(minima):
        return nothing
    x, y = (points[:, None] - minima).unbind(-1)
    # A NaN is within no tolerance, and what min() makes of it does not matter.
    distance, index = torch.hypot(x, y).min(dim=1)
    return torch.where(distance <= tolerance, index, nothing)
