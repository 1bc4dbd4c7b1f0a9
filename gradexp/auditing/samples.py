"""Checks of the outputs: they differ between samples, and no sample's output depends on other samples."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from gradexp.auditing.batches import rows_of
from gradexp.auditing.flow import FirstSteps
from gradexp.auditing.passes import Forward
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject


def samples_are_independent(subject: Subject) -> Check:
    """Check that the outputs of the first and the last sample stay the same if all samples are copies of it.

    Batch normalisation without running statistics mixes samples by design; that with them does so in training mode.
    """
    name = "samples do not mix"
    forward, outputs = _forward(subject)
    count = len(subject.inputs)
    if forward is None or outputs is None or count < 2 or len(outputs) != count:
        return Check(name, None, "there is only one sample, or no forward with an output for each")
    norms = [part for part in subject.module.modules() if isinstance(part, _BatchNorm)]
    if any(part.running_mean is None for part in norms):
        return Check(name, None, "batch normalisation without running statistics mixes samples by design")
    change = 0.0
    for number in (0, count - 1):
        try:
            copies = rows_of(forward.arguments, torch.full((count,), number))
            alone = subject.call(forward, copies)
            half = _first_tensor(subject.call(forward, rows_of(copies, slice(count // 2 + 1))))
        except Exception as error:  # a user's forward may take only the audited batch
            return Check(name, None, f"other batches fail: {type(error).__name__}: {error}"[:200])
        other = _first_tensor(alone)
        if other is None or half is None or other.shape != outputs.shape or half.shape[1:] != outputs.shape[1:]:
            return Check(name, None, "the size of an output depends on the batch, so samples mix by design")
        change = max(change, float((other[number] - outputs[number]).abs().max()))
    figure = f"an output changes by {change:.2g} with the other samples" if change else "outputs are independent"
    limit = 1e-9 * (1 + float(outputs.abs().max()))
    return Check(
        name,
        change <= limit,
        figure + ("; in training mode, batch normalisation mixes samples by design" if norms else ""),
        "a view, reshape or transpose mixes the batch dimension with another, a layer takes the batch for time "
        "(batch_first), or a mean is over the batch",
    )


def depends_on_input(subject: Subject, steps: FirstSteps) -> Check:
    """Check that different samples have different outputs, at the latest after the first training steps."""
    name = "output depends on the input"
    _, outputs = _forward(subject)
    if outputs is None or len(outputs) < 2:
        return Check(name, None, "there is one sample, or no forward")
    spread = _spread(outputs)
    if not spread > 1e-9:  # a last layer that begins at zero
        _, later = _forward(steps.subject)
        spread = 0.0 if later is None else _spread(later)
    advice = "all inputs are equal, or a layer blocks the signal: dead units, weights of zero, saturation"
    return Check(name, spread > 1e-9, f"outputs differ by up to {spread:.3g}", advice)


def _spread(outputs: Tensor) -> float:
    return float((outputs - outputs[:1]).abs().max())


def _forward(subject: Subject) -> tuple[Forward | None, Tensor | None]:
    """The first call of the module in evaluation mode, and its first output that is a tensor of real numbers."""
    forwards = subject.run().forwards
    if not forwards:
        return None, None
    outputs = _first_tensor(forwards[0].outputs)
    return forwards[0], outputs


def _first_tensor(outputs: Any) -> Tensor | None:
    if isinstance(outputs, Tensor):
        return outputs.detach() if outputs.ndim and (outputs.is_floating_point() or outputs.is_complex()) else None
    parts = outputs.values() if isinstance(outputs, dict) else outputs if isinstance(outputs, tuple | list) else ()
    return next((tensor for part in parts if (tensor := _first_tensor(part)) is not None), None)
