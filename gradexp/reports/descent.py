"""Descent on a surface from many starts in one batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.building.trust import OWN_PACKAGE
from gradexp.models.surfaces import Surface
from gradexp.objective.optimizers import ELEMENTWISE, build_optimizer, class_name, is_elementwise
from gradexp.rules import COUNT, POSITIVE, check

PROGRESS_CALLS = 200  # approximate number of calls of `progress` in a descent


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
    """Run an optimizer from each start, with the gradient in closed form.

    The starts are independent of each other. A point that diverges becomes infinite or NaN without affecting the rest.

    Args:
        surface: The function to minimise.
        starts: Initial points [starts, 2]; the path has their type and device.
        optimizer: `_target_`, the dotted path of a class, and its arguments. Adam and AdamW are fastest with `fused`.
            An optimizer that is not elementwise, such as LBFGS, takes only one start.
        steps: Number of steps.
        every: Steps between two recorded points.
        progress: Called about 200 times, and at the end, with the number of steps done.
        trusted_packages: Packages that the optimizer may come from besides torch.optim.

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
            f"optimizer._target_ must be one of {', '.join(ELEMENTWISE)}, which are elementwise, for several starts at "
            f"once; got {name!r} with {len(starts)} starts."
        )

    # One row per coordinate: operations on x then run over contiguous memory, which takes less than half the time.
    points = nn.Parameter(starts.T.clone(memory_format=torch.contiguous_format))
    gradient = points.grad = torch.empty_like(points)
    x, y = points.detach()  # views, which the optimizer's steps change
    torch_optimizer = build_optimizer([points], optimizer, trusted_packages)

    def evaluate() -> float:
        torch.stack(surface.partials(x, y), out=gradient)
        return surface.function(x, y).item()

    path = starts.new_empty(1 + -(-steps // every), *starts.shape)
    path[0] = starts
    progress_every = max(1, steps // PROGRESS_CALLS)
    for step in range(1, steps + 1):
        if name == "LBFGS":
            torch_optimizer.step(evaluate)
        else:
            torch.stack(surface.partials(x, y), out=gradient)
            torch_optimizer.step()
        if step % every == 0 or step == steps:
            path[-(-step // every)] = points.T
        if progress is not None and (step % progress_every == 0 or step == steps):
            progress(step)
    return path


def nearest_minimum(surface: Surface, points: Tensor, tolerance: float) -> Tensor:
    """The minimum of the surface nearest to each point [points, 2], in Euclidean distance.

    Returns:
        Indices [points] into `surface.minima + surface.local_minima`; -1 if none is within the tolerance.

    Raises:
        ValueError: The tolerance is not above 0.
    """
    check("tolerance", tolerance, POSITIVE)
    no_minimum = torch.full((len(points),), -1, device=points.device)
    minima = points.new_tensor(surface.minima + surface.local_minima)
    if not len(minima):
        return no_minimum
    x, y = (points[:, None] - minima).unbind(-1)
    # A NaN distance fails the comparison, whatever index min() gives for it.
    distance, index = torch.hypot(x, y).min(dim=1)
    return torch.where(distance <= tolerance, index, no_minimum)
