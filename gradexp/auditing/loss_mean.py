"""Whether the loss is a mean over samples, each with its own target."""

import math
from typing import Any

import torch
from torch import Tensor

from gradexp.auditing.batches import repeated
from gradexp.auditing.passes import Pass
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.auditing.trace import LOSS_NAMES

PAIRED = 6  # samples of which each is paired with each target


def loss_is_mean(subject: Subject) -> Check:
    """Check that the gradient does not grow with copies of the batch, and that each output meets its own target.

    A weighted mean, the root of a mean and a contrast within the batch do not change with copies; a sum does.
    """
    name = "loss is the mean over samples"
    try:
        growth = _growth(subject)
        modes = [] if growth else subject.repeatable_modes
        pairing = next((words for mode in modes if (words := _pairing(subject, mode))), "")
    except Exception as error:  # a user's step may take only the audited batch
        return Check(name, None, f"other batches fail: {type(error).__name__}: {error}"[:200])
    figure = f"{subject.run().objective.item():.6g}"
    if growth:
        advice = "use the mean: of a sum over the batch, or a mean divided again, the learning rate depends on its size"
        return Check(name, False, f"{figure}; {growth}", advice)
    if pairing:
        shapes = f"outputs {_shape(subject)}, targets {list(subject.targets.shape)}"
        advice = (
            f"outputs and targets may be broadcast ({shapes}) or paired wrongly: give both the same shape and order"
        )
        return Check(name, False, f"{figure}; {pairing}", advice)
    return Check(name, True, f"{figure}; the gradient is the same for two copies of the batch")


def _growth(subject: Subject) -> str:
    """Words for a gradient that grows or shrinks with the number of copies of the batch, or "".

    Found are a constant plus a multiple of the copies (a sum beside a mean), a power of them of 0.9 or more (a sum over
    samples or pairs), and a part of 1 / copies (divided by the batch size twice).
    """
    one, two, three = (_gradient(subject, copies) for copies in (1, 2, 3))
    size, growth = float(one.norm()), float((two - one).norm())
    if not size > 1e-12:
        return ""
    is_linear = growth > 1e-3 * size and float((three - 2 * two + one).norm()) < 1e-6 * growth
    is_power = all(
        float(gradient.norm()) >= size * copies**0.9 and float(gradient @ one) > 0.99 * float(gradient.norm()) * size
        for copies, gradient in ((2, two), (3, three))
    )
    is_shrinking = all(
        float((copies * gradient - one).norm()) < 1e-6 * size for copies, gradient in ((2, two), (3, three))
    )
    if is_linear or is_power or is_shrinking:
        return f"the gradient has norm {size:.3g}, for two copies of the batch {float(two.norm()):.3g}"
    return ""


def _gradient(subject: Subject, copies: int) -> Tensor:
    """The gradient of all parameters on copies of the batch, as one vector of real numbers."""
    parameters = list(subject.parameters.values())
    result = subject.run(training=True, batch=repeated(subject.batch, copies), copies=copies)
    parts = [
        torch.zeros_like(weight) if gradient is None else gradient
        for weight, gradient in zip(parameters, result.gradients(parameters), strict=True)
    ]
    flat = [(torch.view_as_real(part) if part.is_complex() else part).flatten() for part in parts]
    return torch.cat(flat) if flat else torch.zeros(1)


def _pairing(subject: Subject, training: bool) -> str:
    """Words for a loss that meets outputs with the targets of other samples, or ""."""
    if not subject.has_pair or len(subject.inputs) < 2 or subject.mixes_by_norm(training):
        return ""
    inputs, targets = (tensor[:PAIRED] for tensor in subject.batch)
    count = len(inputs)
    whole = subject.run(training, batch=[inputs, targets])
    loss = whole.objective.item()
    is_random = subject.run(training, batch=[inputs, targets], seed=subject.seed + 1).objective.item() != loss
    if is_random and not _reorders_targets(whole, targets):
        return ""
    single = [subject.run(training, batch=[inputs[n : n + 1], targets[n : n + 1]]) for n in range(count)]
    losses = torch.tensor([one.objective.item() for one in single], dtype=torch.float64)
    mean, root = losses.mean().item(), losses.square().mean().sqrt().item()
    if _close(loss, mean) or _close(loss, root):
        return ""
    if _is_pointwise(whole, single):
        return f"the mean over single samples is {mean:.6g}"
    if inputs.shape == targets.shape:
        return ""  # a contrast of all inputs with all others may be meant
    every = torch.tensor(
        [[subject.run(training, batch=[inputs[n : n + 1], targets[m : m + 1]]).objective.item() for m in range(count)]
         for n in range(count)], dtype=torch.float64,
    )  # fmt: skip
    is_broadcast = _close(loss, every.mean().item()) or _close(loss, every.square().mean().sqrt().item())
    return (
        f"the mean over single samples is {mean:.6g}, and that over all pairs of them the loss" if is_broadcast else ""
    )


def _reorders_targets(whole: Pass, targets: Tensor) -> bool:
    """Whether a loss is given the targets of the batch in another order."""
    given = [call.arguments[1] for call in whole.calls if call.function in LOSS_NAMES]
    return any(
        one.shape == targets.shape
        and not torch.equal(one, targets)
        and torch.equal(one.flatten().sort().values, targets.flatten().sort().values)
        for one in given
    )


def _is_pointwise(whole: Pass, single: list[Pass]) -> bool:
    """Whether the objective is one of torch's means over samples, of one term per sample."""
    calls = [[call for call in one.calls if call.function in LOSS_NAMES] for one in (whole, *single)]
    if any(len(of_pass) != 1 for of_pass in calls):
        return False
    (first,), *others = calls
    inputs, target = first.arguments[0], first.arguments[1]
    is_weighted = first.keywords.get("weight") is not None or first.keywords.get("pos_weight") is not None
    ignored = first.keywords.get("ignore_index")
    has_ignored = ignored is not None and not target.is_floating_point() and bool((target == ignored).any())
    if is_weighted or has_ignored or not _close(float(first.result.sum()), whole.objective.item()):
        return False
    rows = len(inputs) / len(single)
    shapes = [call.arguments[0].shape for (call,) in others]
    return all(shape[1:] == inputs.shape[1:] and shape[0] == rows for shape in shapes)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)


def _shape(subject: Subject) -> Any:
    outputs = next((forward.outputs for forward in subject.run().forwards), None)
    return list(outputs.shape) if isinstance(outputs, Tensor) else "unknown"
