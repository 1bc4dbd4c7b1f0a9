"""Checks of the outputs: they differ between samples, and depend on no other samples and on no later tokens."""

from typing import Any

import torch
from torch import Tensor

from gradexp.auditing.batches import rows_of
from gradexp.auditing.flow import FirstSteps
from gradexp.auditing.passes import Forward
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.auditing.trace import Call


def samples_are_independent(subject: Subject) -> Check:
    """Check that the outputs of the first and the last sample stay the same if all samples are copies of it.

    Batch normalisation without running statistics mixes samples by design; that with them does so in training mode.
    """
    name = "samples do not mix"
    if len(subject.inputs) < 2:
        return Check(name, None, "there is only one sample")
    modes = [mode for mode in (False, True) if not subject.mixes_by_norm(mode)]
    for training in modes:
        try:
            change, limit = _change(subject, training)
        except Exception as error:  # a user's forward may take only the audited batch
            return Check(name, None, f"other batches fail: {type(error).__name__}: {error}"[:200])
        if change is None:
            return Check(name, None, "no output belongs to one sample")
        if change > limit:
            advice = (
                "a view, reshape or transpose mixes the batch dimension with another, a layer takes the batch for "
                "time (batch_first), or a mean is over the batch"
            )
            mode = " in training mode" if training else ""
            return Check(name, False, f"an output changes by {change:.2g} with the other samples{mode}", advice)
    note = "" if True in modes else "; in training mode, batch normalisation mixes samples by design"
    return Check(name, True if modes else None, "outputs are independent" + note if modes else note[2:])


def _change(subject: Subject, training: bool) -> tuple[float | None, float]:
    """The change of an output with the other samples, and its rounding error; None if no output is of a sample."""
    forward, outputs = _forward(subject, training)
    count = len(subject.inputs)
    if forward is None or outputs is None or len(outputs) != count:
        return None, 0.0
    change = 0.0
    for number in (0, count - 1):
        copies = rows_of(forward.arguments, torch.full((count,), number))
        alone = _first_tensor(subject.call(forward, copies, training))
        half = _first_tensor(subject.call(forward, rows_of(copies, slice(count // 2 + 1)), training))
        if alone is None or half is None or alone.shape != outputs.shape or half.shape[1:] != outputs.shape[1:]:
            return None, 0.0
        change = max(change, float((alone[number] - outputs[number]).abs().max()))
    return change, 1e-9 * (1 + float(outputs.abs().max()))


def no_look_ahead(subject: Subject) -> Check:
    """Check that a model of the next token does not see it: earlier outputs do not change with the last token."""
    name = "next token is not seen"
    result = subject.run()
    forward, outputs = _forward(subject)
    tokens = _first_argument(forward)
    if tokens is None or outputs is None or outputs.ndim < 3 or outputs.shape[:2] != tokens.shape:
        return Check(name, None, "the loss does not compare outputs with the next tokens")
    if not any(_is_next(call, tokens) for call in result.calls if call.function == "cross_entropy"):
        return Check(name, None, "the loss does not compare outputs with the next tokens")
    assert forward is not None
    others = tokens.clone()
    others[:, -1] = tokens[:, -1].roll(1)
    later = _first_tensor(subject.call(forward, (others, *forward.arguments[1:])))
    change = 0.0 if later is None else float((later - outputs)[:, :-1].abs().max())
    figure = f"earlier outputs change by up to {change:.2g} with the last token"
    return Check(name, change <= 1e-9 * (1 + float(outputs.abs().max())), figure, "give the attention a causal mask")


def _is_next(call: Call, tokens: Tensor) -> bool:
    """Whether the targets of a cross-entropy are the tokens, one step later."""
    targets = call.arguments[1]
    if targets.is_floating_point() or targets.numel() % len(tokens) or len(tokens) < 2:
        return False
    rows = targets.reshape(len(tokens), -1)
    steps = min(rows.shape[1], tokens.shape[1] - 1)
    is_next = (rows[:, :steps] == tokens[:, 1 : steps + 1]) | (
        rows[:, :steps] == call.keywords.get("ignore_index", -100)
    )
    return steps > 0 and rows.shape[1] in (tokens.shape[1] - 1, tokens.shape[1]) and bool(is_next.all())


def _first_argument(forward: Forward | None) -> Tensor | None:
    """The tokens [batch, steps] that a forward is given first, or None."""
    given = forward.arguments[0] if forward is not None and forward.arguments else None
    return given if isinstance(given, Tensor) and given.ndim == 2 and given.dtype == torch.long else None


def depends_on_input(subject: Subject, steps: FirstSteps) -> Check:
    """Check that different samples have different outputs, at the latest after the first training steps."""
    name = "output depends on the input"
    _, outputs = _forward(subject)
    if outputs is None or len(outputs) < 2:
        return Check(name, None, "there is one sample, or no forward")
    if subject.has_own_gradients:
        return Check(name, None, "weights of zero are learned by a rule of the module's own")
    spread = _spread(outputs)
    if not spread > 1e-9:  # a last layer that begins at zero
        _, later = _forward(steps.subject)
        spread = 0.0 if later is None else _spread(later)
    advice = "all inputs are equal, or a layer blocks the signal: dead units, weights of zero, saturation"
    return Check(name, spread > 1e-9, f"outputs differ by up to {spread:.3g}", advice)


def _spread(outputs: Tensor) -> float:
    return float((outputs - outputs[:1]).abs().max())


def _forward(subject: Subject, training: bool = False) -> tuple[Forward | None, Tensor | None]:
    """The first call of the module, and its first output that is a tensor of real numbers."""
    forwards = subject.run(training).forwards
    if not forwards:
        return None, None
    outputs = _first_tensor(forwards[0].outputs)
    return forwards[0], outputs


def _first_tensor(outputs: Any) -> Tensor | None:
    if isinstance(outputs, Tensor):
        return outputs.detach() if outputs.ndim and (outputs.is_floating_point() or outputs.is_complex()) else None
    parts = outputs.values() if isinstance(outputs, dict) else outputs if isinstance(outputs, tuple | list) else ()
    return next((tensor for part in parts if (tensor := _first_tensor(part)) is not None), None)
