"""Whether the loss is a mean over samples, each with its own target."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

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
        pairing = None if growth else _pairing(subject)
    except Exception as error:  # a user's step may take only the audited batch
        return Check(name, None, f"other batches fail: {type(error).__name__}: {error}"[:200])
    figure = f"{subject.run().objective.item():.6g}"
    if growth:
        advice = "the loss is a sum over the batch: use the mean, or the learning rate depends on the batch size"
        return Check(name, False, f"{figure}; {growth}", advice)
    if pairing:
        shapes = f"outputs {_shape(subject)}, targets {list(subject.targets.shape)}"
        advice = (
            f"outputs and targets may be broadcast ({shapes}) or paired wrongly: give both the same shape and order"
        )
        return Check(name, False, f"{figure}; {pairing}", advice)
    return Check(name, True, f"{figure}; the gradient is the same for two copies of the batch")


def _growth(subject: Subject) -> str:
    """Words for a gradient that grows by the same amount with each copy of the batch, or ""."""
    parameters = list(subject.parameters.values())
    gradients = []
    for copies in (1, 2, 3):
        result = subject.run(training=True, batch=repeated(subject.batch, copies), copies=copies)
        found = result.gradients(parameters)
        gradients.append([torch.zeros_like(w) if g is None else g for w, g in zip(parameters, found, strict=True)])
    norms = [_norm(gradient) for gradient in gradients]
    one, two, three = gradients
    first = [b - a for a, b in zip(one, two, strict=True)]
    second = [c - b for b, c in zip(two, three, strict=True)]
    growth, curvature = _norm(first), _norm([b - a for a, b in zip(first, second, strict=True)])
    is_sum = growth > 1e-3 * norms[0] and growth > 1e-12 and curvature < 1e-6 * growth
    return f"the gradient has norm {norms[0]:.3g}, for two copies of the batch {norms[1]:.3g}" if is_sum else ""


def _norm(tensors: list[Tensor]) -> float:
    return math.sqrt(math.fsum(float(tensor.abs().square().sum()) for tensor in tensors))


def _pairing(subject: Subject) -> str:
    """Words for a loss that meets outputs with the targets of other samples, or ""."""
    norms = [part for part in subject.module.modules() if isinstance(part, _BatchNorm)]
    if not subject.has_pair or len(subject.inputs) < 2 or any(part.running_mean is None for part in norms):
        return ""
    inputs, targets = (tensor[:PAIRED] for tensor in subject.batch)
    count = len(inputs)
    whole = subject.run(batch=[inputs, targets])
    loss = whole.objective.item()
    is_random = subject.run(batch=[inputs, targets], seed=subject.seed + 1).objective.item() != loss
    if is_random and not _reorders_targets(whole, targets):
        return ""
    single = [subject.run(batch=[inputs[n : n + 1], targets[n : n + 1]]) for n in range(count)]
    losses = torch.tensor([one.objective.item() for one in single], dtype=torch.float64)
    mean, root = losses.mean().item(), losses.square().mean().sqrt().item()
    if _close(loss, mean) or _close(loss, root):
        return ""
    if _is_pointwise(whole, single):
        return f"the mean over single samples is {mean:.6g}"
    if inputs.shape == targets.shape:
        return ""  # a contrast of all inputs with all others may be meant
    every = torch.tensor(
        [[subject.run(batch=[inputs[n : n + 1], targets[m : m + 1]]).objective.item() for m in range(count)]
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
