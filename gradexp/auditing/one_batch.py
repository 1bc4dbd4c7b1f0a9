"""Checks on one batch before the first step: the loss, the outputs, the flow of gradients, dead units."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject

MAX_DEAD = 0.25  # share of a layer's units that may be dead on a batch
LOSS_FACTOR = 2  # by which the initial loss may differ from ln C


def initial_loss(subject: Subject, is_trained: bool) -> Check:
    """Compare the initial cross-entropy with ln C, the loss of equal probabilities for C classes."""
    name, classes = "loss at the start", subject.classes
    if classes is None or is_trained:
        return Check(name, None, "the model is trained" if is_trained else "the loss is not the cross-entropy")
    loss, expected = subject.loss(subject.outputs()).item(), math.log(classes)
    return Check(
        name,
        expected / LOSS_FACTOR <= loss <= expected * LOSS_FACTOR,
        f"{loss:.4g}; ln {classes} is {expected:.4g}",
        "use smaller initial weights, above all in the last layer, and inputs of mean 0 and variance 1",
    )


def loss_is_mean(subject: Subject) -> Check:
    """Compare the loss of the batch with the mean of the losses of single samples: finds sums and broadcasting."""
    with torch.no_grad():
        outputs = subject.outputs()
        loss = float(subject.loss(outputs))
        count = len(outputs)
        total = math.fsum(float(subject.loss(outputs[n : n + 1], subject.targets[n : n + 1])) for n in range(count))
    mean = total / count
    if math.isclose(loss, total, rel_tol=1e-6) and count > 1 and not math.isclose(mean, total, rel_tol=1e-6):
        advice = "the loss is a sum over the batch: use the mean, or the learning rate depends on the batch size"
    else:
        shapes = f"outputs {list(outputs.shape)}, targets {list(subject.targets.shape)}"
        advice = f"outputs and targets may be broadcast ({shapes}): give both the same shape"
    return Check(
        "loss is the mean over samples",
        math.isclose(loss, mean, rel_tol=1e-6, abs_tol=1e-12),
        f"{loss:.6g}; the mean over single samples is {mean:.6g}",
        advice,
    )


def gradient_reaches_every_parameter(subject: Subject) -> Check:
    """Check that every parameter is trainable and has a non-zero gradient."""
    name = "gradient reaches every parameter"
    parameters = dict(subject.module.named_parameters())
    if not parameters:
        return Check(name, None, "there are no parameters")
    gradients = subject.gradients()
    frozen = [key for key in parameters if key not in gradients]
    missing = [key for key, gradient in gradients.items() if gradient is None]
    zero = [key for key, gradient in gradients.items() if gradient is not None and not gradient.any()]
    faults = {
        "frozen": (frozen, "set requires_grad, unless the layers are frozen on purpose"),
        "without a gradient": (missing, "a detach, no_grad or .data stops the gradient, or the layer is not used"),
        "with a gradient of zero": (zero, "the initial weights are all equal, or the units are all dead"),
    }
    faults = {fault: (keys, advice) for fault, (keys, advice) in faults.items() if keys}
    figure = "; ".join(f"{fault}: {', '.join(keys)}" for fault, (keys, _) in faults.items())
    advice = "; ".join(advice for _, advice in faults.values())
    return Check(name, not faults, figure or f"all {len(parameters)}", advice)


def samples_are_independent(subject: Subject) -> Check:
    """Check that no sample's output depends on other samples; batch normalisation, which mixes them, is only noted."""
    name = "samples do not mix"
    if len(subject.inputs) < 2 or not subject.inputs.is_floating_point():
        return Check(name, None, "there is only one sample, or the inputs are not real numbers")
    others = subject.inputs.clone()
    generator = torch.Generator().manual_seed(0)
    others[1:] += torch.randn(others[1:].shape, generator=generator, dtype=others.dtype)
    with torch.no_grad():
        change = float((subject.outputs(others)[0] - subject.outputs()[0]).abs().max())
    has_batch_norm = any(isinstance(part, _BatchNorm) for part in subject.module.modules())
    figure = f"output 0 changes by {change:.2g} with the other samples" if change else "outputs are independent"
    return Check(
        name,
        change <= 1e-12,
        figure + ("; in training mode, batch normalisation mixes samples by design" if has_batch_norm else ""),
        "a view, reshape or transpose mixes the batch dimension with another, or a mean is over the batch",
    )


def depends_on_input(subject: Subject) -> Check:
    """Check that different samples have different outputs."""
    name = "output depends on the input"
    if len(subject.inputs) < 2:
        return Check(name, None, "there is one sample")
    with torch.no_grad():
        outputs = subject.outputs()
    spread = float((outputs - outputs[:1]).abs().max())
    advice = "all inputs are equal, or a layer blocks the signal: dead units, weights of zero, saturation"
    return Check(name, spread > 1e-9, f"outputs differ by up to {spread:.3g}", advice)


def dead_units(subject: Subject) -> Check:
    """Count dead ReLUs, which are zero for every sample of the batch and so get no gradient from it."""
    name = "units are alive"
    dead: dict[str, Tensor] = {}

    def record(key: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        dead[key] = (output <= 0).flatten(1).all(dim=0)

    relus = [(key, part) for key, part in subject.module.named_modules() if isinstance(part, nn.ReLU)]
    handles = [part.register_forward_hook(partial(record, key)) for key, part in relus]
    try:
        with torch.no_grad():
            subject.outputs()
    finally:
        for handle in handles:
            handle.remove()
    if not dead:
        return Check(name, None, "there is no ReLU")
    counts = ", ".join(f"{int(units.sum())} of {units.numel()} in {key}" for key, units in dead.items())
    worst = max(float(units.double().mean()) for units in dead.values())
    advice = "use smaller steps or initial weights, a leaky ReLU, or inputs of mean 0"
    return Check(name, worst <= MAX_DEAD, f"dead on the batch: {counts}", advice)


def unrestricted_logits(subject: Subject) -> Check:
    """Check that the logits are neither probabilities nor outputs of a ReLU."""
    name = "logits are free"
    if subject.classes is None:
        return Check(name, None, "the loss is not the cross-entropy")
    with torch.no_grad():
        outputs = subject.outputs()
    if bool((outputs >= 0).all()) and torch.allclose(outputs.sum(1), torch.ones(len(outputs), dtype=outputs.dtype)):
        figure = "each row is non-negative and sums to 1"
        return Check(name, False, figure, "remove the softmax: the cross-entropy includes it")
    zeros = float((outputs == 0).double().mean())
    if bool((outputs >= 0).all()) and zeros > 0:
        never = [str(n) for n in range(outputs.shape[1]) if not outputs[:, n].any()]
        figure = f"none is negative, {zeros:.0%} are zero" + (f", always those of {', '.join(never)}" if never else "")
        return Check(name, False, figure, "take the ReLU off the last layer: a class at zero gets no gradient")
    return Check(name, True, f"from {float(outputs.min()):.3g} to {float(outputs.max()):.3g}")
