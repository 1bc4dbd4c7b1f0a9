"""Autograd's gradients compared with closed forms, for the networks, losses and penalties that have one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.gradients import backpropagation, losses
from gradexp.gradients.penalties import group_lasso_gradient, l1_gradient, l2_gradient
from gradexp.models import AbstractModule
from gradexp.objective.fit import encoded
from gradexp.objective.losses import BinaryCrossEntropy, ClassWeightedLoss, CrossEntropy, HalfSquaredError, Hinge
from gradexp.objective.objective import Objective

Gradient = Callable[[Any, Tensor, Tensor], Tensor]  # of the loss, outputs and targets

PENALTIES = {"l1": l1_gradient, "l2": l2_gradient, "group_lasso": group_lasso_gradient}


def closed_forms(subject: Subject) -> Iterator[Check]:
    """One check per parameter of a linear layer, or of linear layers with sigmoids, if the loss has a closed form."""
    module = subject.module
    closed = _gradients(subject, module) if isinstance(module, AbstractModule) and subject.uses_own_loss else None
    if closed is None:
        yield Check("gradient in closed form", None, "there is none for this network and loss")
        return
    objective = subject.run().objective
    for name, expected in closed.items():
        (gradient,) = torch.autograd.grad(objective, module.get_parameter(f"network.{name}"), retain_graph=True)
        error = float((gradient - expected).abs().max())
        yield Check(
            f"closed form of {name.removeprefix('output.') if len(closed) <= 2 else name}",
            torch.allclose(gradient, expected, rtol=1e-9, atol=1e-12),
            f"largest difference {error:.2g}, of {float(expected.abs().max()):.2g}",
            "the loss differs from the one of the closed form: check its mean, its sign and its factors",
        )


def _gradients(subject: Subject, module: AbstractModule) -> Mapping[str, Tensor] | None:
    """The objective's gradient by parameter name; None if the network, loss or penalty has no closed form."""
    layers = _layers(module.network)
    if layers is None or module.outputs is None or not module.objective.penalties.keys() <= PENALTIES.keys():
        return None
    ends_in_sigmoid = module.outputs == "sigmoids"
    x = subject.inputs.flatten(1)
    pairs = [(layer.weight.data, _bias(layer)) for layer in layers.values()]
    with torch.no_grad():
        layer_inputs = backpropagation.activations(x, pairs[:-1])
        outputs = layer_inputs[-1] @ pairs[-1][0].T + pairs[-1][1]
        outputs = outputs.sigmoid() if ends_in_sigmoid else outputs
        targets = encoded(subject.targets, outputs, module.outputs)
        delta = output_gradient(module.objective.loss, outputs, targets)
        if delta is None:
            return None
        delta = delta * outputs * (1 - outputs) if ends_in_sigmoid else delta
        gradients = {}
        for (name, layer), (weight, bias) in zip(
            layers.items(), backpropagation.from_output(delta, layer_inputs, pairs), strict=True
        ):
            prefix = f"{name}." if name else ""
            gradients[f"{prefix}weight"] = weight + _penalty_gradient(module.objective, layer.weight.data)
            if layer.bias is not None:
                gradients[f"{prefix}bias"] = bias
    return gradients


def _layers(network: nn.Module) -> dict[str, nn.Linear] | None:
    """The linear layers of a network that has only sigmoids between them; None for any other network."""
    if isinstance(network, nn.Linear):
        return {"": network}
    parts = {name: part for name, part in network.named_children() if not isinstance(part, nn.Flatten)}
    kinds = [type(part) for part in parts.values()]
    if not isinstance(network, nn.Sequential) or not kinds or kinds[0] is not nn.Linear:
        return None
    if any(kind is not (nn.Linear if number % 2 == 0 else nn.Sigmoid) for number, kind in enumerate(kinds)):
        return None
    return {name: part for name, part in parts.items() if isinstance(part, nn.Linear)}


def _bias(layer: nn.Linear) -> Tensor:
    return layer.weight.data.new_zeros(()) if layer.bias is None else layer.bias.data


def _penalty_gradient(objective: Objective, weight: Tensor) -> Tensor:
    """The gradient of the penalties at a weight; l1 has none if a proximal step replaces it."""
    total = torch.zeros_like(weight)
    for name, penalty in objective.penalties.items():
        if not (objective.proximal and name == "l1"):
            total += penalty.factor * PENALTIES[name](weight)
    return total


def output_gradient(loss: nn.Module | None, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """The gradient of a loss at the outputs [batch, ...]; None if CLOSED_FORMS lacks it.

    `targets` are in the form that the loss expects.
    """
    closed_form = CLOSED_FORMS.get(type(loss))
    if closed_form is None or getattr(loss, "reduction", "mean") != "mean":
        return None
    gradient = closed_form(loss, outputs, targets)
    if isinstance(loss, ClassWeightedLoss) and loss.class_weight is not None:
        classes = targets if targets.ndim == 1 else targets.squeeze(1)
        shares: Tensor = loss.class_weight[classes.long()].to(gradient)
        return gradient * shares.unsqueeze(1)
    return gradient


def _cross_entropy(loss: Any, logits: Tensor, classes: Tensor) -> Tensor:
    """(p - q) / n, where q is the one-hot classes after label smoothing."""
    num_classes = logits.shape[1]
    one_hot = nn.functional.one_hot(classes, num_classes).to(logits)
    smoothed: Tensor = loss.label_smoothing * (one_hot - 1 / num_classes)
    return losses.cross_entropy_gradient(logits, classes) + smoothed / len(logits)


def _binary_cross_entropy(loss: Any, outputs: Tensor, targets: Tensor) -> Tensor:
    probabilities = outputs.sigmoid() if loss.from_logits else outputs
    gradient = (probabilities - targets) / outputs.numel()
    return gradient if loss.from_logits else gradient / (outputs * (1 - outputs))


def _hinge(loss: Any, outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape[1] == 1:
        return losses.hinge_gradient(outputs, targets)
    one_hot = nn.functional.one_hot(targets, outputs.shape[1])
    others = outputs.masked_fill(one_hot.bool(), -torch.inf)
    is_within_margin = 1 - (outputs * one_hot).sum(dim=1, keepdim=True) + others.amax(dim=1, keepdim=True) > 0
    rival = nn.functional.one_hot(others.argmax(dim=1), outputs.shape[1])
    return (rival - one_hot).to(outputs) * is_within_margin / len(outputs)


CLOSED_FORMS: Mapping[type, Gradient] = {
    CrossEntropy: _cross_entropy,
    BinaryCrossEntropy: _binary_cross_entropy,
    Hinge: _hinge,
    HalfSquaredError: lambda _, outputs, targets: (outputs - targets) / len(outputs),
    nn.MSELoss: lambda _, outputs, targets: losses.mse_gradient(outputs, targets),
    nn.L1Loss: lambda _, outputs, targets: losses.l1_gradient(outputs, targets),
    nn.HuberLoss: lambda loss, outputs, targets: losses.huber_gradient(outputs, targets, loss.delta),
}
