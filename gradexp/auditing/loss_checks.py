"""Checks of the loss: its size at the start, whether it is a mean over samples, and what it is given."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from gradexp.auditing.batches import repeated
from gradexp.auditing.passes import Pass
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.auditing.trace import LOSSES, Call

LOSS_FACTOR = 3  # by which the initial loss may exceed ln C
PAIRED = 6  # samples of which each is paired with each target
LOSS_NAMES = {loss.__name__ for loss in LOSSES}
# Backward nodes that pass values on as they are, below which the last activation is looked for.
PASSING = ("View", "Squeeze", "Unsqueeze", "Select", "Slice", "Permute", "Transpose", "T", "Alias", "ToCopy", "Clone")


def initial_loss(subject: Subject, is_trained: bool) -> Check:
    """Compare the initial cross-entropy with ln C, the loss of equal probabilities for C classes."""
    name = "loss at the start"
    if is_trained:
        return Check(name, None, "the model is trained")
    pair = _logits_and_classes(subject, subject.run())
    if pair is None:
        return Check(name, None, "the loss is not the cross-entropy")
    logits, classes = pair
    loss, expected = F.cross_entropy(logits, classes).item(), math.log(logits.shape[1])
    return Check(
        name,
        expected / 2 <= loss <= expected * LOSS_FACTOR,
        f"{loss:.4g}; ln {logits.shape[1]} is {expected:.4g}",
        "use smaller initial weights, above all in the last layer, and inputs of mean 0 and variance 1",
    )


def unrestricted_logits(subject: Subject) -> Check:
    """Check that a loss of logits is given neither probabilities nor outputs of a ReLU, and nll log-probabilities."""
    name = "logits are free"
    result = subject.run(training=True)
    given = [(call.function, call.arguments[0]) for call in result.calls if call.function in LOSS_NAMES]
    pair = _logits_and_classes(subject, result)
    given += [] if pair is None else [("cross_entropy", pair[0])]
    logits = [values for function, values in given if function in ("cross_entropy", "binary_cross_entropy_with_logits")]
    for function, values in given:
        fault = _fault(function, values)
        if fault is not None:
            return Check(name, False, *fault)
    if not logits:
        return Check(name, None, "the loss takes no logits")
    return Check(name, True, f"from {float(logits[0].min()):.3g} to {float(logits[0].max()):.3g}")


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


def _logits_and_classes(subject: Subject, result: Pass) -> tuple[Tensor, Tensor] | None:
    """Logits [rows, classes, ...] and classes [rows, ...], if the loss is their cross-entropy, and the batch's targets."""
    if subject.targets.dtype != torch.long or len(subject.batch) < 2:
        return None
    for call in result.calls:
        if call.function == "cross_entropy" and _is_of_targets(call, subject.targets):
            return call.arguments[0].detach(), call.arguments[1]
    outputs = result.forwards[0].outputs if len(result.forwards) == 1 else None
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or outputs.shape[1] < 2 or subject.targets.ndim != 1:
        return None
    if not 0 <= int(subject.targets.min()) <= int(subject.targets.max()) < outputs.shape[1]:
        return None
    by_hand = F.cross_entropy(outputs, subject.targets)
    is_equal = math.isclose(by_hand.item(), subject.run(penalty=False).objective.item(), rel_tol=1e-5)
    return (outputs, subject.targets) if is_equal else None


def _is_of_targets(call: Call, targets: Tensor) -> bool:
    classes, ignored = call.arguments[1], call.keywords.get("ignore_index", -100)
    return (
        classes.dtype == torch.long and classes.numel() == targets.numel() and call.arguments[0].shape[1] > 1
        and torch.equal(classes.flatten(), targets.flatten()) and not bool((classes == ignored).all())
    )  # fmt: skip


def _fault(function: str, values: Tensor) -> tuple[str, str] | None:
    """A figure and an advice if a loss is given values of another kind."""
    last = _last_operation(values)
    if function == "nll_loss":
        sums = values.logsumexp(1)
        if bool((sums.abs() > 1e-6).any()):
            return "values are not log-probabilities", "nll takes log-probabilities: apply log_softmax first"
        return None
    if function not in ("cross_entropy", "binary_cross_entropy_with_logits"):
        return None
    is_table = function == "cross_entropy" and values.ndim > 1 and values.shape[1] > 1
    if last in ("SoftmaxBackward0", "SigmoidBackward0") or (is_table and _are_probabilities(values)):
        words = "each row is non-negative and sums to 1" if is_table else "values are probabilities"
        return words, "remove the softmax or sigmoid: the loss includes it"
    zeros = float((values == 0).double().mean())
    if is_table and bool((values >= 0).all()) and (zeros > 0 or last == "ReluBackward0"):
        rows = values.detach().transpose(0, 1).flatten(1)
        never = [str(number) for number, row in enumerate(rows) if not row.any()]
        words = f"none is negative, {zeros:.0%} are zero" + (f", always those of {', '.join(never)}" if never else "")
        return words, "take the ReLU off the last layer: a class at zero gets no gradient"
    return None


def _are_probabilities(values: Tensor) -> bool:
    sums = values.sum(1)
    return bool((values >= 0).all()) and torch.allclose(sums, torch.ones_like(sums))


def _last_operation(values: Tensor) -> str:
    """The name of the backward node that made the values, below reshapes."""
    node: Any = values.grad_fn
    while node is not None and type(node).__name__.removesuffix("Backward0").startswith(PASSING):
        if "Backward" not in type(node).__name__ or not node.next_functions:
            break
        node = node.next_functions[0][0]
    return type(node).__name__ if node is not None else ""
