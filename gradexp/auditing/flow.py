"""Whether gradients reach every parameter, in the first training steps."""

from typing import Any

import torch
from torch import Tensor, nn

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject

# After these, layers below weights that begin at zero (residual branches, heads) have a gradient.
FIRST_STEPS, RATE = 4, 1e-2


class FirstSteps:
    """The gradients of a few training steps of Adam on the batch.

    Attributes:
        subject: The trained copy.
        gradients: By name, the gradient of each step so far; None where there was none.
        events: Calls of zero_grad, backward and step under manual optimization.
        is_finite: Whether all gradients were finite; the steps end at the first that is not.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject.fresh_copy()
        parameters = self.subject.parameters
        self.gradients: dict[str, list[Tensor | None]] = {name: [] for name in parameters}
        self.events: list[str] = []
        self.is_finite = True
        optimizer = torch.optim.Adam(parameters.values(), lr=RATE) if parameters else None
        for number in range(FIRST_STEPS):
            result = self.subject.run(training=True, seed=subject.seed + number)
            found = result.gradients(list(parameters.values()))
            self.events += result.events
            for (name, weight), gradient in zip(parameters.items(), found, strict=True):
                self.gradients[name].append(gradient)
                weight.grad = gradient
                self.is_finite &= gradient is None or bool(torch.isfinite(gradient.abs()).all())
            if optimizer is None or not self.is_finite:
                break
            optimizer.step()


def gradient_reaches_every_parameter(subject: Subject, steps: FirstSteps) -> Check:
    """Check that every parameter is trainable, and has a gradient that is not zero in one of the first steps.

    A bias may have a gradient of zero if its layer's weight has another: a loss of differences does not depend on it.
    """
    name = "gradient reaches every parameter"
    parameters = dict(subject.module.named_parameters())
    if not parameters:
        return Check(name, None, "there are no parameters")
    if subject.has_own_gradients:
        return Check(name, None, "the module has a rule of its own in place of gradients")
    missing = [key for key, found in steps.gradients.items() if all(part is None for part in found)]
    used = {key for key, found in steps.gradients.items() if any(part is not None and part.any() for part in found)}
    layers = {key.rpartition(".")[0] for key in used}
    zero = [
        key
        for key in steps.gradients
        if key not in used
        and key not in missing
        and not (parameters[key].ndim <= 1 and key.rpartition(".")[0] in layers)
    ]
    faults = {
        "frozen": (_frozen_by_mistake(subject.module), "set requires_grad, unless the layers are frozen on purpose"),
        "without a gradient": (missing, "a detach, no_grad or .data stops the gradient, or the layer is not used"),
        "with a gradient of zero": (zero, "the initial weights are all zero, or the units are all dead"),
        "not registered": (_not_registered(subject), "assign layers to attributes, or keep them in nn.ModuleList"),
        "with equal units": (
            _equal_units(subject, steps),
            "draw the initial weights at random: equal units stay equal",
        ),
    }
    faults = {fault: (keys, advice) for fault, (keys, advice) in faults.items() if keys}
    figure = "; ".join(f"{fault}: {', '.join(keys)}" for fault, (keys, _) in faults.items())
    advice = "; ".join(advice for _, advice in faults.values())
    return Check(name, not faults, figure or f"all {len(parameters)}", advice)


def _frozen_by_mistake(module: nn.Module) -> list[str]:
    """Frozen parameters of a single layer whose neighbours are trained.

    A frozen network of several layers (a pretrained encoder, the other half of a GAN), an embedding, and a parameter
    that belongs to no layer of torch are taken to be frozen on purpose.
    """
    names: list[str] = []

    def visit(part: nn.Module, path: str) -> None:
        parameters = list(part.parameters())
        layers = [layer for layer in part.modules() if layer._parameters]
        if path and len(layers) > 1 and not any(parameter.requires_grad for parameter in parameters):
            return
        if type(part).__module__.startswith("torch.") and not isinstance(part, nn.Embedding | nn.EmbeddingBag):
            frozen = [
                key for key, weight in part._parameters.items() if weight is not None and not weight.requires_grad
            ]
            names.extend(f"{path}.{key}".strip(".") for key in frozen)
        for key, child in part.named_children():
            visit(child, f"{path}.{key}".strip("."))

    visit(module, "")
    return names


def _equal_units(subject: Subject, steps: FirstSteps) -> list[str]:
    """Weights all of whose rows are equal, and after the steps still are, with equal gradients."""
    found = []
    for name, weight in subject.parameters.items():
        latest = steps.gradients[name][-1] if steps.gradients[name] else None
        if latest is None or weight.ndim < 2 or len(weight) < 2 or not bool(latest.any()):
            continue
        values = (weight.data, steps.subject.parameters[name].data, latest)
        if all(torch.equal(rows, rows[:1].expand_as(rows)) for rows in values):
            found.append(name)
    return found


def _not_registered(subject: Subject) -> list[str]:
    """Shapes of parameters that the objective depends on, but that the module does not list."""
    registered = {id(weight) for weight in subject.module.parameters()}
    nodes: list[Any] = [term.loss.grad_fn for term in subject.run(training=True).terms]
    seen, found = set(), []
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, nn.Parameter) and id(leaf) not in registered:
            found.append("a parameter of shape " + "x".join(map(str, leaf.shape)))
        nodes.extend(following for following, _ in node.next_functions)
    return found
