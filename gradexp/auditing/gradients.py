"""Autograd's gradients compared with central finite differences, in float64, in training and evaluation mode."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gradexp.auditing.passes import Pass
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject

STEPS = (1e-5, 1e-6, 1e-7, 1e-8)  # the kink of a ReLU between the two points falsifies the larger steps at most
DIRECTIONS = 2  # random directions of each tensor; a wrong coordinate changes the slope along almost every one
RELATIVE, ABSOLUTE = 1e-5, 1e-8
ROUNDING = 64 * torch.finfo(torch.float64).eps  # relative error of a computed objective


def gradients(subject: Subject, seed: int) -> Iterator[Check]:
    """One check per parameter tensor and mode; one for both modes if their objectives and gradients are equal.

    The gradient must be finite at the weights as they are. It is compared at weights moved by about 1 %, because zeros
    in weights and inputs often put a ReLU exactly on its kink.
    """
    moved = subject.fresh_copy()
    generator = torch.Generator().manual_seed(seed)
    _move(moved, generator)
    names = {True: "", False: " in evaluation mode"}
    modes = [True] if _are_equal(moved) else [True, False]
    for training in modes:
        try:
            here, there = subject.run(training), moved.run(training)
        except Exception as error:  # a training_step may be of no use in evaluation mode
            if training:
                raise
            yield Check("gradients in evaluation mode", None, f"{type(error).__name__}: {error}"[:200])
            return
        if not training and not here.objective.requires_grad:
            yield Check("gradients in evaluation mode", None, "the objective has none")
            return
        now, compared = (
            result.gradients(list(of.parameters.values())) for result, of in ((here, subject), (there, moved))
        )
        for position, name in enumerate(subject.parameters):
            check = f"gradient of {name}{names[training]}"
            yield _check(check, moved, name, there, now[position], compared[position], training, generator)


def _check(
    check: str,
    moved: Subject,
    name: str,
    result: Pass,
    gradient_now: Tensor | None,
    gradient: Tensor | None,
    training: bool,
    generator: torch.Generator,
) -> Check:
    weight = moved.parameters[name]
    for value in (gradient_now, gradient):
        if value is not None and not bool(
            torch.isfinite(torch.view_as_real(value) if value.is_complex() else value).all()
        ):
            share = float((~torch.isfinite(value.abs())).double().mean())
            advice = "sqrt, log, a norm or a division meets 0: torch.where does not stop the NaN of its other branch"
            return Check(check, False, f"{share:.0%} of the gradient are not finite", advice)
    autograd = _real(torch.zeros_like(weight) if gradient is None else gradient)
    worst, difference = 0.0, ""
    for _ in range(DIRECTIONS):
        direction = torch.randn(autograd.shape, generator=generator, dtype=autograd.dtype)
        slope = float((autograd * direction).sum())
        for step in STEPS:
            numerical, rounding = _slope(moved, weight, direction, step, result, training)
            tolerance = RELATIVE * max(abs(slope), abs(numerical)) + ABSOLUTE + rounding
            excess = abs(slope - numerical) / tolerance
            if excess <= 1:
                break
        if not excess <= worst:  # also for NaN, which is never within the tolerance
            worst, difference = excess, f"autograd {slope:.6g}, finite differences {numerical:.6g}"
    directions = f"{DIRECTIONS} random directions of {weight.numel():,} coordinates"
    passed = worst <= 1
    figure = f"{directions}: " + (f"error at most {worst:.2g} of the tolerance" if passed else difference)
    advice = (
        "a detach, no_grad or .data stops the gradient; remove it"
        if gradient is None
        else "a backward is wrong, a hook changes the gradient, or a detach stops a part of it: run "
        "torch.autograd.gradcheck on each custom Function, and look for register_hook and detach"
    )
    return Check(check, passed, figure, advice)


def _slope(
    subject: Subject, weight: Tensor, direction: Tensor, step: float, result: Pass, training: bool
) -> tuple[float, float]:
    """The objective's central difference along a direction, and its rounding error; the weight is restored."""
    before = weight.detach().clone()
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            _real(weight.data).copy_(_real(before) + sign * step * direction)
        objective = subject.run(training, constants=result.constants).objective_of(weight)
        values.append(0.0 if objective is None else objective.item())
    weight.data.copy_(before)
    return (values[0] - values[1]) / (2 * step), ROUNDING * max(map(abs, values)) / step


def _real(values: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones; autograd's complex gradient holds the slopes along both."""
    return torch.view_as_real(values) if values.is_complex() else values


def _move(subject: Subject, generator: torch.Generator) -> None:
    for weight in subject.parameters.values():
        values = _real(weight.data)
        size = 1e-2 + 1e-2 * math.sqrt(float(values.square().mean()))
        values += size * torch.randn(values.shape, generator=generator, dtype=values.dtype)


def _are_equal(subject: Subject) -> bool:
    """Whether both modes have the same objective and gradient, bit for bit."""
    parameters = list(subject.parameters.values())
    try:
        training, evaluation = (subject.run(mode) for mode in (True, False))
    except Exception:
        return False
    if not torch.equal(training.objective, evaluation.objective):
        return False
    pairs = zip(training.gradients(parameters), evaluation.gradients(parameters), strict=True)
    return all((a is None and b is None) or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs)
