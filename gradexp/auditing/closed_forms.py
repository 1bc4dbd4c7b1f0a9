"""Autograd's gradients against closed forms, for the networks, losses and penalties that have one."""

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
    """A row for each parameter of a linear layer, or of sigmoid layers, under a loss whose gradient is known."""
    module = subject.module
    expected = _gradients(subject, module) if isinstance(module, AbstractModule) and subject.has_own_loss else None
    if expected is None:
        yield Check("gradient in closed form", None, "there is none for this network and loss")
        return
    objective = subject.objective()
    for name, wanted in expected.items():
        (gradient,) = torch.autograd.grad(objective, module.get_parameter(f"network.{name}"), retain_graph=True)
        error = float((gradient - wanted).abs().max())
        yield Check(
            f"closed form of {name.removeprefix('output.') if len(expected) <= 2 else name}",
            torch.allclose(gradient, wanted, rtol=1e-9, atol=1e-12),
            f"largest difference {error:.2g}, of {float(wanted.abs().max()):.2g}",
            "the loss is not the one whose gradient is known: look at its mean, its sign, its factors",
        )


def _gradients(subject: Subject, module: AbstractModule) -> Mapping[str, Tensor] | None:
    """Of the objective, by name of each parameter in the network; None where network, loss or penalty has no form."""
    layers = _layers(module.network)
    if layers is None or module.outputs is None or not module.objective.penalties.keys() <= PENALTIES.keys():
        return None
    ends_in_sigmoid = module.outputs == "sigmoids"
    x = subject.inputs.flatten(1)
    pairs = [(layer.weight.data, _bias(layer)) for layer in layers.values()]
    with torch.no_grad():
        befores = backpropagation.activations(x, pairs[:-1])
        outputs = befores[-1] @ pairs[-1][0].T + pairs[-1][1]
        outputs = outputs.sigmoid() if ends_in_sigmoid else outputs
        targets = encoded(subject.targets, outputs, module.outputs)
        delta = output_gradient(module.objective.loss, outputs, targets)
        if delta is None:
            return None
        delta = delta * outputs * (1 - outputs) if ends_in_sigmoid else delta
        found = {}
        for (name, layer), (weight, bias) in zip(
            layers.items(), backpropagation.from_output(delta, befores, pairs), strict=True
        ):
            prefix = f"{name}." if name else ""
            found[f"{prefix}weight"] = weight + _penalty_gradient(module.objective, layer.weight.data)
            if layer.bias is not None:
                found[f"{prefix}bias"] = bias
    return found


def _layers(network: nn.Module) -> dict[str, nn.Linear] | None:
    """The linear layers of a network that has nothing else but sigmoids between them; None for any other."""
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
    """The penalties' gradient at a weight; of l1 none where a proximal step takes its place."""
    total = torch.zeros_like(weight)
    for name, penalty in objective.penalties.items():
        if not (objective.proximal and name == "l1"):
            total += penalty.factor * PENALTIES[name](weight)
    return total
