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
    if not isinstance(module, LinearRegression | LogisticRegression | SoftmaxRegression | Perceptron):
        yield Check("gradient in closed form", None, "there is none for this network")
        return
    linear = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    expected = _gradients(subject, module, linear)
    parameters = dict(linear.named_parameters())
    found = torch.autograd.grad(subject.objective(), list(parameters.values()))
    for (name, weight), gradient in zip(parameters.items(), found, strict=True):
        wanted = expected[name]
        if name == "weight":
            wanted = wanted + module.l1 * l1_gradient(weight.data) + module.l2 * l2_gradient(weight.data)
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
            outputs = 1 if module.num_outputs == 1 else module.num_outputs
            wanted = (
                subject.targets.double().unsqueeze(1)
                if outputs == 1
                else nn.functional.one_hot(subject.targets, outputs).double()
            )
            ((weight, bias),) = backpropagation.backpropagate(x, [(linear.weight, linear.bias)], wanted)
            return {"weight": weight, "bias": bias}
        outputs_ = linear(x)
        if isinstance(module, SoftmaxRegression):
            delta = losses.cross_entropy_gradient(outputs_, subject.targets)
        elif isinstance(module, LogisticRegression):
            delta = losses.bce_gradient(outputs_.squeeze(1), subject.targets).unsqueeze(1)
        else:
            delta = losses.mse_gradient(outputs_, subject.targets.view_as(outputs_))
    return {"weight": delta.T @ x, "bias": delta.sum(dim=0)}
