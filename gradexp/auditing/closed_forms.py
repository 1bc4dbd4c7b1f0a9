"""Autograd's gradients compared with closed forms, for the networks, losses and penalties that have one."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from gradexp.auditing.output_gradients import output_gradient
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.gradients import backpropagation
from gradexp.gradients.penalties import group_lasso_gradient, l1_gradient, l2_gradient
from gradexp.models import AbstractModule
from gradexp.objective.fit import encoded
from gradexp.objective.objective import Objective

PENALTIES = {"l1": l1_gradient, "l2": l2_gradient, "group_lasso": group_lasso_gradient}


def closed_forms(subject: Subject) -> Iterator[Check]:
    """One check per parameter of a linear layer, or of linear layers with sigmoids, if the loss has a closed form."""
    module = subject.module
    closed = _gradients(subject, module) if isinstance(module, AbstractModule) and subject.uses_own_loss else None
    if closed is None:
        yield Check("gradient in closed form", None, "there is none for this network and loss")
        return
    objective = subject.objective()
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
