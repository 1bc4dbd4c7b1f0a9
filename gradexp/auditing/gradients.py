"""Autograd's gradients compared with central finite differences, in float64."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject

STEPS = (1e-5, 1e-6)  # the kink of a ReLU between the two points falsifies at most one of them
SMALL = 64  # largest number of coordinates of a tensor of which all are checked
SAMPLE = 24  # checked coordinates of a larger tensor
RELATIVE, ABSOLUTE = 1e-5, 1e-8


def gradients(subject: Subject, seed: int) -> Iterator[Check]:
    """One check per parameter tensor: of all coordinates, or of a random sample and one random direction."""
    parameters = dict(subject.module.named_parameters())
    generator = torch.Generator().manual_seed(seed)
    for name, gradient in subject.gradients().items():
        yield _check(subject, name, parameters[name].data, gradient, generator)


def _check(subject: Subject, name: str, weight: Tensor, gradient: Tensor | None, generator: torch.Generator) -> Check:
    autograd = torch.zeros_like(weight) if gradient is None else gradient
    count = weight.numel()
    if count <= SMALL:
        chosen, description = torch.arange(count), f"all {count} coordinates"
    else:
        chosen = torch.randperm(count, generator=generator)[:SAMPLE]
        description = f"{SAMPLE} of {count:,} coordinates, drawn by seed, and one random direction"
    directions = [torch.zeros(count, dtype=weight.dtype).index_fill(0, position, 1.0) for position in chosen]
    if count > SMALL:
        drawn = torch.randn(count, generator=generator, dtype=weight.dtype)
        directions.append(drawn / drawn.norm())
    worst, difference = 0.0, ""
    for direction in directions:
        shaped = direction.view_as(weight)
        slope = float((autograd * shaped).sum())
        error, numerical = min(
            (abs(slope - numeric), numeric) for numeric in (_slope(subject, weight, shaped, step) for step in STEPS)
        )
        excess = error / (RELATIVE * max(abs(slope), abs(numerical)) + ABSOLUTE)
        if excess > worst:
            worst, difference = excess, f"autograd {slope:.6g}, finite differences {numerical:.6g}"
    figure = f"{description}: " + (f"error at most {worst:.2g} of the tolerance" if worst <= 1 else difference)
    advice = (
        "a detach, no_grad or .data stops the gradient; remove it"
        if gradient is None
        else "a backward is wrong: run torch.autograd.gradcheck on each custom Function"
    )
    return Check(f"gradient of {name}", worst <= 1, figure, advice)


def _slope(subject: Subject, weight: Tensor, direction: Tensor, step: float) -> float:
    """The objective's central difference along a direction; the weight is restored bit for bit."""
    before = weight.clone()
    with torch.no_grad():
        weight.copy_(before + step * direction)
        above = float(subject.objective())
        weight.copy_(before - step * direction)
        below = float(subject.objective())
        weight.copy_(before)
    return (above - below) / (2 * step)
