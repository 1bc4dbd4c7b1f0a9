"""Autograd's gradients against closed forms, for the networks that have one."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.gradients import backpropagation, losses
from gradexp.gradients.penalties import l1_gradient, l2_gradient
from gradexp.models import AbstractModule, LinearRegression, LogisticRegression, Perceptron, SoftmaxRegression


def closed_forms(subject: Subject) -> Iterator[Check]:
    """A row for each parameter of a linear, logistic or softmax regression, or of a perceptron."""
    module = subject.module
    known = (LinearRegression, LogisticRegression, SoftmaxRegression, Perceptron)
    if not isinstance(module, known) or not subject.has_own_loss:
        yield Check("gradient in closed form", None, "there is none for this network and loss")
        return
    linear = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    expected = _gradients(subject, module, linear)
    parameters = dict(linear.named_parameters())
    found = torch.autograd.grad(subject.objective(), list(parameters.values()))
    for (name, weight), gradient in zip(parameters.items(), found, strict=True):
        wanted = expected[name]
        if name == "weight":
            l1 = 0.0 if module.proximal else module.l1
            wanted = wanted + l1 * l1_gradient(weight.data) + module.l2 * l2_gradient(weight.data)
        error = float((gradient - wanted).abs().max())
        holds = torch.allclose(gradient, wanted, rtol=1e-9, atol=1e-12)
        yield Check(
            f"closed form of {name}",
            holds,
            f"largest difference {error:.2g}, of {float(wanted.abs().max()):.2g}",
            "the loss is not the one whose gradient is known: look at its mean, its sign, its factors",
        )


def _gradients(subject: Subject, module: AbstractModule, linear: nn.Linear) -> dict[str, Tensor]:
    """Of the loss alone, by name: the gradient with respect to the outputs, times the inputs."""
    x = subject.inputs.flatten(1)
    with torch.no_grad():
        if isinstance(module, Perceptron):
            one_hot = nn.functional.one_hot(subject.targets, max(module.num_outputs, 2)).double()
            wanted = one_hot[:, 1:] if module.num_outputs == 1 else one_hot
            ((weight, bias),) = backpropagation.backpropagate(x, [(linear.weight, linear.bias)], wanted)
            return {"weight": weight, "bias": bias}
        outputs = linear(x)
        if isinstance(module, SoftmaxRegression):
            delta = losses.cross_entropy_gradient(outputs, subject.targets)
        elif isinstance(module, LogisticRegression):
            delta = losses.bce_gradient(outputs.squeeze(1), subject.targets).unsqueeze(1)
        else:
            delta = losses.mse_gradient(outputs, subject.targets.view_as(outputs))
    return {"weight": delta.T @ x, "bias": delta.sum(dim=0)}
