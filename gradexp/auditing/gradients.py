"""Autograd's gradients against central finite differences, in float64."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject

STEPS = (1e-5, 1e-6)  # a kink of a ReLU between two points spoils one of them at most
SMALL = 64  # coordinates of a tensor that are all looked at
SAMPLE = 24  # of a larger one
RELATIVE, ABSOLUTE = 1e-5, 1e-8


def gradients(subject: Subject, seed: int) -> Iterator[Check]:
    """A row for each parameter tensor: all coordinates, or a random sample and one direction through all of them."""
    parameters = dict(subject.module.named_parameters())
    generator = torch.Generator().manual_seed(seed)
    for name, gradient in subject.gradients().items():
        yield _row(subject, name, parameters[name].data, gradient, generator)


def _row(subject: Subject, name: str, weight: Tensor, gradient: Tensor | None, generator: torch.Generator) -> Check:
    autograd = torch.zeros_like(weight) if gradient is None else gradient
    count = weight.numel()
    if count <= SMALL:
        chosen, told = torch.arange(count), f"all {count} coordinates"
    else:
        chosen = torch.randperm(count, generator=generator)[:SAMPLE]
        told = f"{SAMPLE} of {count:,} coordinates, drawn by seed, and a direction through all"
    directions = []
    for position in chosen.tolist():
        direction = torch.zeros(count, dtype=weight.dtype)
        direction[position] = 1.0
        directions.append(direction)
    if count > SMALL:
        drawn = torch.randn(count, generator=generator, dtype=weight.dtype)
        directions.append(drawn / drawn.norm())
    worst, where = 0.0, ""
    for direction in directions:
        shaped = direction.view_as(weight)
        slope = float((autograd * shaped).sum())
        error, numerical = min(
            (abs(slope - numeric), numeric) for numeric in (_slope(subject, weight, shaped, step) for step in STEPS)
        )
        excess = error / (RELATIVE * max(abs(slope), abs(numerical)) + ABSOLUTE)
        if excess > worst:
            worst, where = excess, f"autograd {slope:.6g}, finite differences {numerical:.6g}"
    figure = f"{told}: within {worst:.2g} of what is allowed" if worst <= 1 else f"{told}: {where}"
    advice = (
        "no gradient comes out of a detach, no_grad or .data on the way; take it out"
        if gradient is None
        else "a backward on the way is wrong: run torch.autograd.gradcheck on each custom Function"
    )
    return Check(f"gradient of {name}", worst <= 1, figure, advice)


def _slope(subject: Subject, weight: Tensor, direction: Tensor, step: float) -> float:
    """The objective's central difference along a direction; the weight is as before afterwards, to the bit."""
    before = weight.clone()
    with torch.no_grad():
        weight.copy_(before + step * direction)
        above = float(subject.objective())
        weight.copy_(before - step * direction)
        below = float(subject.objective())
        weight.copy_(before)
    return (above - below) / (2 * step)
