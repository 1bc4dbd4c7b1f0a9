"""Checks of logits: the loss at the start, and what a loss of logits is given."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gradexp.auditing.passes import Pass
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.auditing.trace import LOSS_NAMES, Call

LOSS_FACTOR = 3  # by which the initial loss may exceed ln C
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
    if _last_operation(logits) in ("MulBackward0", "DivBackward0"):
        return Check(name, None, "the logits are scaled, as by a temperature")
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


def _logits_and_classes(subject: Subject, result: Pass) -> tuple[Tensor, Tensor] | None:
    """Logits [rows, classes, ...] and the batch's classes [rows, ...], if the loss is their cross-entropy."""
    if subject.targets.dtype != torch.long or len(subject.batch) < 2:
        return None
    for call in result.calls:
        if call.function == "cross_entropy" and _is_of_targets(call, subject.targets):
            return call.arguments[0], call.arguments[1]
    outputs = result.forwards[0].outputs if len(result.forwards) == 1 else None
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or outputs.shape[1] < 2:
        return None
    if subject.targets.ndim != 1 or len(outputs) != len(subject.targets):
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
        rows = values.transpose(0, 1).flatten(1)
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
