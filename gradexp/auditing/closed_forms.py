"""Autograd's gradients against closed forms, for the networks that have one."""

from collections.abc import Iterator

import torch
from torch import nn

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.gradients import backpropagation, losses
from gradexp.gradients.penalties import l1_gradient, l2_gradient
from gradexp.models import (
    AbstractModule,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    SigmoidUnits,
    SoftmaxRegression,
)


def closed_forms(subject: Subject) -> Iterator[Check]:
    """A row for each parameter of a linear, logistic or softmax regression, a perceptron, or an MLP of sigmoids."""
    module = subject.module
    if not isinstance(module, AbstractModule) or not subject.has_own_loss or not _has_closed_form(module):
        yield Check("gradient in closed form", None, "there is none for this network and loss")
        return
    layers = {name: layer for name, layer in module.network.named_modules() if isinstance(layer, nn.Linear)}
    expected = _gradients(subject, module, list(layers.values()))
    objective = subject.objective()
    for (layer_name, layer), (weight, bias) in zip(layers.items(), expected, strict=True):
        prefix = f"{layer_name}." if len(layers) > 1 else ""
        l1 = 0.0 if module.proximal else module.l1
        penalty = l1 * l1_gradient(layer.weight.data) + module.l2 * l2_gradient(layer.weight.data)
        by_name = {"weight": weight + penalty, "bias": bias}
        for name, parameter in layer.named_parameters():
            (gradient,) = torch.autograd.grad(objective, parameter, retain_graph=True)
            wanted = by_name[name]
            error = float((gradient - wanted).abs().max())
            yield Check(
                f"closed form of {prefix}{name}",
                torch.allclose(gradient, wanted, rtol=1e-9, atol=1e-12),
                f"largest difference {error:.2g}, of {float(wanted.abs().max()):.2g}",
                "the loss is not the one whose gradient is known: look at its mean, its sign, its factors",
            )


def _has_closed_form(module: AbstractModule) -> bool:
    if isinstance(module, MLPClassifier):
        parts = [part for part in module.network.children() if not isinstance(part, nn.Flatten)]
        return all(isinstance(p, nn.Linear if n % 2 == 0 else nn.Sigmoid) for n, p in enumerate(parts)) and (
            isinstance(parts[-1], nn.Linear)
        )
    return isinstance(module, LinearRegression | LogisticRegression | SoftmaxRegression | SigmoidUnits)


def _gradients(subject: Subject, module: AbstractModule, layers: list[nn.Linear]) -> list[backpropagation.Layer]:
    """Of the loss alone, by weight and bias of each layer: the outputs' gradient, back-propagated to each."""
    x = subject.inputs.flatten(1)
    pairs = [(layer.weight.data, layer.bias.data if layer.bias is not None else x.new_zeros(())) for layer in layers]
    with torch.no_grad():
        if isinstance(module, SigmoidUnits):
            one_hot = nn.functional.one_hot(subject.targets, max(module.num_outputs, 2)).double()
            return backpropagation.backpropagate(x, pairs, one_hot[:, 1:] if module.num_outputs == 1 else one_hot)
        befores = backpropagation.activations(x, pairs[:-1])
        outputs = befores[-1] @ pairs[-1][0].T + pairs[-1][1]
        if isinstance(module, SoftmaxRegression | MLPClassifier):
            delta = losses.cross_entropy_gradient(outputs, subject.targets)
        elif isinstance(module, LogisticRegression):
            delta = losses.bce_gradient(outputs.squeeze(1), subject.targets).unsqueeze(1)
        else:
            delta = losses.mse_gradient(outputs, subject.targets.view_as(outputs))
        return backpropagation.from_output(delta, befores, pairs)
