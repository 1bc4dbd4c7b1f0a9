"""Checks by training on a few samples: the module learns them by heart, and the objective has a lower limit."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gradexp.auditing.batches import Batch, rows_of
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.rules.words import counted

SAMPLES, FEWEST = 16, 2
LBFGS_STEPS, ADAM_STEPS, ADAM_RATE = 100, 200, 0.05
MAX_REMAINING = 0.02  # largest share of the initial loss that may remain
MAX_REMAINING_OF_FEWEST = 0.1
UNLIMITED = 1e5  # times the initial objective: no likelihood falls so far below zero


@dataclass
class Descent:
    """The objective before and at the lowest point of a training on `samples` samples."""

    samples: int
    first: float
    least: float


def learns_by_heart(subject: Subject) -> list[Check]:
    """Train on a few samples, without penalty, until the loss nearly reaches its least possible value.

    That value is found by descent with the outputs as free numbers. It is unknown if it is below zero, or if the
    objective depends on the weights in another way than by one tensor of outputs. Networks with a bottleneck learn
    only two samples.
    """
    name = "learns a few samples by heart"
    if not subject.parameters:
        return [Check(name, None, "there are no trainable parameters")]
    if subject.has_own_gradients:
        return [Check(name, None, "the module has a rule of its own in place of gradients")]
    training = any(mode and not subject.mixes_by_norm(mode) for mode in subject.repeatable_modes)
    whole = subject.run(training, penalty=False)
    if not whole.objective.requires_grad:
        return [Check(name, False, "the loss has no gradient", "a detach or no_grad stops the gradient of the loss")]
    if len(whole.terms) > 1:
        return [Check(name, None, "several optimizers have an objective each")]
    capacity = sum(weight.numel() for weight in subject.parameters.values()) // (4 * _outputs_per_sample(subject))
    counts = [min(SAMPLES, len(subject.inputs), max(capacity, 1))]
    counts += [FEWEST] if counts[0] > FEWEST else []
    for count in counts:
        rows = torch.arange(count) if count != FEWEST else _most_different(subject.targets)
        batch = rows_of(subject.batch, rows)
        try:
            floor = _least_possible(subject, training, batch)
            trained = subject.fresh_copy()
            descent = _descend(
                partial(_loss, trained, training, batch), list(trained.parameters.values()), count, floor
            )
            limit = _lower_limit(trained, training, descent, batch)
        except Exception as error:  # a user's step may take only the audited batch
            return [Check(name, None, f"other batches fail: {type(error).__name__}: {error}"[:200])]
        if limit is not None or floor is None or _is_reached(descent, floor):
            break
    return [_heart(name, descent, floor, capacity), *([] if limit is None else [limit])]


def _loss(subject: Subject, training: bool, batch: Batch, outputs: Tensor | None = None) -> Tensor:
    return subject.run(training, batch=batch, penalty=False, outputs=outputs).objective


def _heart(name: str, descent: Descent, floor: float | None, capacity: int) -> Check:
    figure = f"{counted(descent.samples, 'sample')}: loss {descent.first:.3g} falls to {descent.least:.3g}"
    if floor is None or not math.isfinite(floor):
        return Check(name, None, f"{figure}; the least possible loss is unknown")
    figure += f" (least possible {floor:.3g})"
    if capacity < 1:
        return Check(name, None, f"{figure}; there are fewer than 4 parameters for each output")
    advice = "check the range of the outputs, the loss, and whether targets belong to their samples"
    return Check(name, _is_reached(descent, floor), figure, advice)


def _is_reached(descent: Descent, floor: float) -> bool:
    share = MAX_REMAINING_OF_FEWEST if descent.samples <= FEWEST else MAX_REMAINING
    return descent.least - floor <= share * abs(descent.first - floor) + 1e-9


def _lower_limit(subject: Subject, training: bool, descent: Descent, batch: Batch) -> Check | None:
    """A failed check if the objective falls without limit, as one of the wrong sign does."""
    falls = descent.least < -UNLIMITED * (1 + abs(descent.first)) or math.isinf(descent.least)
    if descent.first < 0:  # a loss that is nowhere positive, and falls far: minus a loss that is nowhere negative
        falls |= descent.least < 20 * descent.first - 1 and _is_nowhere_positive(subject.fresh_copy(), training, batch)
    if not falls or _is_odd(subject, training, batch) or _is_odd(subject.fresh_copy(), training, batch):
        return None
    figure = f"it falls from {descent.first:.3g} to {descent.least:.3g}, below every limit"
    return Check("objective has a lower limit", False, figure, "check the sign of the loss and of each of its terms")


def _is_nowhere_positive(subject: Subject, training: bool, batch: Batch) -> bool:
    generator = torch.Generator().manual_seed(subject.seed)
    values = []
    for _ in range(8):
        for weight in subject.parameters.values():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.data += noise * (0.1 + weight.data.abs().mean())
        values.append(_loss(subject, training, batch).item())
    return max(values) <= 0


def _is_odd(subject: Subject, training: bool, batch: Batch) -> bool:
    """Whether the fall changes its sign with that of a weight, as a difference of outputs does.

    The critic of a Wasserstein GAN minimises one; what limits it is outside the objective, or a penalty.
    """
    before = _loss(subject, training, batch).item()
    for weight in subject.parameters.values():
        weight.data.neg_()
        after = _loss(subject, training, batch).item()
        weight.data.neg_()
        if before < 0 < after and math.isfinite(before) and after >= -before * (1 - 1e-9):
            return True
    return False


def _outputs_per_sample(subject: Subject) -> int:
    forwards = subject.run().forwards
    outputs = forwards[0].outputs if forwards else None
    return max(outputs.numel() // max(len(subject.inputs), 1), 1) if isinstance(outputs, Tensor) else 1


def _most_different(targets: Tensor) -> Tensor:
    """The rows of the smallest and the largest target."""
    sums = (targets.abs() if targets.is_complex() else targets.double()).flatten(1 if targets.ndim > 1 else 0)
    sums = sums.sum(1) if sums.ndim > 1 else sums
    return torch.stack([sums.argmin(), sums.argmax()])


def _least_possible(subject: Subject, training: bool, batch: Batch) -> float | None:
    """The least loss with free outputs; None if the objective depends on more than one tensor of outputs."""
    whole = subject.run(training, batch=batch, penalty=False)
    if len(whole.forwards) != 1 or not isinstance(whole.forwards[0].outputs, Tensor):
        return None
    outputs = whole.forwards[0].outputs.detach()
    if not outputs.is_floating_point():
        return None
    free = outputs.clone().requires_grad_()

    objective = partial(_loss, subject, training, batch, free)
    weights = list(subject.parameters.values())
    try:
        if not objective().requires_grad:
            return None
        gradients = torch.autograd.grad(objective(), [free, *weights], allow_unused=True)
        if gradients[0] is None or any(gradient is not None for gradient in gradients[1:]):
            return None
        least = _descend(objective, [free], len(outputs), None).least
    except Exception:  # a loss that takes only probabilities, or a step that needs more than the outputs
        return None
    # Below zero it is minus a similarity or the logarithm of a density, and may have no limit.
    return None if least < -1e-9 else least


class _NotFinite(Exception):  # noqa: N818  # it ends a descent, and is no error
    """The gradient is no longer finite."""


class _IsOver(Exception):  # noqa: N818
    """The least possible loss is reached, or the objective has fallen below every limit."""


def _descend(
    objective: Callable[[], Tensor], parameters: Sequence[Tensor], samples: int, floor: float | None
) -> Descent:
    """Minimise by L-BFGS, whose line search finds the step for any scale, then by Adam, as L-BFGS stalls at kinks."""
    first = objective().item()
    descent = Descent(samples, first, first)
    before = [weight.detach().clone() for weight in parameters]

    def step() -> float:
        value = objective()
        gradients = torch.autograd.grad(value, parameters, allow_unused=True)
        if not math.isnan(value.item()):
            descent.least = min(descent.least, value.item())
        if descent.least < -UNLIMITED * (1 + abs(first)) or (floor is not None and _is_reached(descent, floor)):
            raise _IsOver
        for weight, gradient in zip(parameters, gradients, strict=True):
            weight.grad = torch.zeros_like(weight) if gradient is None else gradient
            if not bool(torch.isfinite(weight.grad.abs()).all()):
                raise _NotFinite
        return value.item()

    try:
        lbfgs = torch.optim.LBFGS(list(parameters), max_iter=LBFGS_STEPS, line_search_fn="strong_wolfe")
        lbfgs.step(step)  # type: ignore[no-untyped-call]
    except _IsOver:
        return descent
    except (_NotFinite, ZeroDivisionError):  # its interpolation divides by zero where slopes are not finite
        for weight, values in zip(parameters, before, strict=True):
            weight.data.copy_(values)
    if floor is None or samples > FEWEST:
        return descent
    adam = torch.optim.Adam(list(parameters), lr=ADAM_RATE)
    with suppress(_IsOver, _NotFinite):
        for number in range(ADAM_STEPS):
            adam.param_groups[0]["lr"] = ADAM_RATE * (1 - number / ADAM_STEPS)
            adam.step(step)
    return descent
