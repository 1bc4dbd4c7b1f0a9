"""What one batch shows before the first step: the loss, the way of the gradient, samples kept apart, units alive."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject

DEAD = 0.25  # share of a layer's units that may be dead on a batch
FAR = 2  # factor by which the first loss may be off ln C


def first_loss(subject: Subject, is_trained: bool) -> Check:
    """Against ln C, the loss of one who knows nothing of C classes and says so."""
    name, classes = "loss at the start", subject.classes
    if classes is None or is_trained:
        return Check(name, None, "a trained model" if is_trained else "the loss is no cross-entropy")
    loss, expected = subject.loss(subject.outputs()).item(), math.log(classes)
    return Check(
        name,
        expected / FAR <= loss <= expected * FAR,
        f"{loss:.4g}; ln {classes} is {expected:.4g}",
        "smaller initial weights, above all in the last layer; and inputs of mean 0 and variance 1",
    )


def mean_of_samples(subject: Subject) -> Check:
    """The loss of a batch against the mean of its samples' own, which a sum or a broadcast is not."""
    with torch.no_grad():
        outputs = subject.outputs()
        whole = float(subject.loss(outputs))
        count = len(outputs)
        alone = [float(subject.loss(outputs[n : n + 1], subject.targets[n : n + 1])) for n in range(count)]
    mean, total = math.fsum(alone) / count, math.fsum(alone)
    shapes = f"outputs {list(outputs.shape)}, targets {list(subject.targets.shape)}"
    if math.isclose(whole, total, rel_tol=1e-6) and count > 1 and not math.isclose(mean, total, rel_tol=1e-6):
        advice = "the loss is a sum over the batch: take the mean, or the learning rate depends on the batch's size"
    else:
        advice = f"outputs and targets may be broadcast ({shapes}): give both one shape"
    return Check(
        "loss is the mean over samples",
        math.isclose(whole, mean, rel_tol=1e-6, abs_tol=1e-12),
        f"{whole:.6g}; the mean of the samples' own is {mean:.6g}",
        advice,
    )


def reaches_every_parameter(subject: Subject) -> Check:
    """Every parameter is trained, and gets a gradient that is not zero."""
    name = "gradient reaches every parameter"
    parameters = dict(subject.module.named_parameters())
    if not parameters:
        return Check(name, None, "there are no parameters")
    found = subject.gradients()
    frozen = [key for key in parameters if key not in found]
    cut = [key for key, gradient in found.items() if gradient is None]
    zero = [key for key, gradient in found.items() if gradient is not None and not gradient.any()]
    causes = {
        "frozen": (frozen, "set requires_grad, or leave frozen layers out on purpose"),
        "without a gradient": (cut, "a detach, no_grad, .data or a layer that is not used stands on the way"),
        "with a gradient of zero": (zero, "initial weights that are all equal, or units that are all dead"),
    }
    bad = {cause: keys for cause, (keys, _) in causes.items() if keys}
    figure = "; ".join(f"{cause}: {', '.join(keys)}" for cause, keys in bad.items()) or f"all {len(parameters)} of them"
    return Check(name, not bad, figure, "; ".join(causes[cause][1] for cause in bad))


def samples_apart(subject: Subject) -> Check:
    """No sample's output changes with the other samples; batch normalisation, whose nature that is, is named."""
    name = "samples do not mix"
    if len(subject.inputs) < 2 or not subject.inputs.is_floating_point():
        return Check(name, None, "there is one sample, or the inputs are no real numbers")
    others = subject.inputs.clone()
    generator = torch.Generator().manual_seed(0)
    others[1:] += torch.randn(others[1:].shape, generator=generator, dtype=others.dtype)
    with torch.no_grad():
        change = float((subject.outputs(others)[0] - subject.outputs()[0]).abs().max())
    by_design = any(isinstance(part, _BatchNorm) for part in subject.module.modules())
    figure = f"output 0 changes by {change:.2g} with the other samples" if change else "each output is its sample's own"
    return Check(
        name,
        change <= 1e-12,
        figure + ("; in training batch normalisation mixes them, by design" if by_design else ""),
        "a view, reshape or transpose mixes the batch's dimension with another; or a mean is over the batch",
    )


def depends_on_input(subject: Subject) -> Check:
    """Different samples have different outputs."""
    name = "output depends on the input"
    if len(subject.inputs) < 2:
        return Check(name, None, "there is one sample")
    with torch.no_grad():
        outputs = subject.outputs()
    spread = float((outputs - outputs[:1]).abs().max())
    advice = "inputs are all alike, or a layer ends the signal: dead units, weights of zero, saturation"
    return Check(name, spread > 1e-9, f"outputs differ by up to {spread:.3g}", advice)


def living_units(subject: Subject) -> Check:
    """ReLUs that are zero for every sample of the batch learn nothing from it."""
    name = "units are alive"
    silent: dict[str, Tensor] = {}

    def watch(key: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        silent[key] = (output <= 0).flatten(1).all(dim=0)

    named = [(key, part) for key, part in subject.module.named_modules() if isinstance(part, nn.ReLU)]
    handles = [part.register_forward_hook(partial(watch, key)) for key, part in named]
    try:
        with torch.no_grad():
            subject.outputs()
    finally:
        for handle in handles:
            handle.remove()
    if not silent:
        return Check(name, None, "there is no ReLU")
    told = ", ".join(f"{int(dead.sum())} of {dead.numel()} in {key}" for key, dead in silent.items())
    worst = max(float(dead.double().mean()) for dead in silent.values())
    advice = "smaller steps or initial weights, a leaky ReLU, inputs of mean 0"
    return Check(name, worst <= DEAD, f"dead on the batch: {told}", advice)


def usable_logits(subject: Subject) -> Check:
    """Logits take any value: they are not probabilities yet, and no ReLU has cut them."""
    name = "logits are free"
    if subject.classes is None:
        return Check(name, None, "the loss is no cross-entropy")
    with torch.no_grad():
        outputs = subject.outputs()
    if bool((outputs >= 0).all()) and torch.allclose(outputs.sum(1), torch.ones(len(outputs), dtype=outputs.dtype)):
        figure = "each row is positive and adds up to 1"
        return Check(name, False, figure, "take the softmax out: the cross-entropy has its own")
    zeros = float((outputs == 0).double().mean())
    if bool((outputs >= 0).all()) and zeros > 0:
        never = [str(n) for n in range(outputs.shape[1]) if not outputs[:, n].any()]
        figure = f"none is negative, {zeros:.0%} are zero" + (f", always those of {', '.join(never)}" if never else "")
        return Check(name, False, figure, "take the ReLU off the last layer: a class at zero gets no gradient")
    return Check(name, True, f"from {float(outputs.min()):.3g} to {float(outputs.max()):.3g}")
