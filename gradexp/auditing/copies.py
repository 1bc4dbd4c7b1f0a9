"""Copies of a user's module in float64, and the state that a pass must leave as it was."""

import copy
from typing import Any

import torch
from torch import Tensor, nn


def copied(module: nn.Module) -> nn.Module:
    """A copy of the module on the CPU, in the same modes, with the hooks of its parameters."""
    # The memo leaves out a LightningModule's trainer, because its loggers and loaders may not be copyable.
    memo: dict[int, Any] = {id(module.__dict__.get("_trainer")): None}
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                # Such as the weight that weight_norm computes, which torch refuses to copy.
                memo[id(value)] = value.detach().clone()
    duplicate = copy.deepcopy(module, memo).cpu()
    for original, parameter in zip(module.parameters(), duplicate.parameters(), strict=True):
        if parameter.requires_grad:
            for hook in (original._backward_hooks or {}).values():
                parameter.register_hook(hook)  # type: ignore[no-untyped-call]
    return duplicate


def widen(module: nn.Module) -> nn.Module:
    """The module with its parameters, buffers and other tensors in float64 or complex128."""
    for parameter in module.parameters():
        parameter.data = widened(parameter.data)
    for part in module.modules():
        for key, value in part.named_buffers(recurse=False):
            part._buffers[key] = widened(value)
        vars(part).update({key: widened(value) for key, value in vars(part).items() if isinstance(value, Tensor)})
        if isinstance(part, nn.RNNBase):
            part.flatten_parameters()
    return module


def widened(value: Tensor) -> Tensor:
    """The tensor in float64 or complex128; one of integers or booleans is returned as it is."""
    if value.is_complex():
        return value.to(torch.complex128)
    return value.to(torch.float64) if value.is_floating_point() else value


class State:
    """Attributes and buffers of all parts of a module, as they are now. Parameters are not included."""

    def __init__(self, module: nn.Module) -> None:
        self._attributes = [(part, dict(vars(part)), dict(part._buffers)) for part in module.modules()]
        self._buffers = {id(buffer): buffer.clone() for buffer in module.buffers()}

    def restore(self) -> None:
        """Undo what a pass has stored: running statistics, counters, hidden states, replaced methods.

        Buffers are replaced, not written to, because the graph of the pass may still need them.
        """
        fresh = {key: value.clone() for key, value in self._buffers.items()}
        for part, attributes, buffers in self._attributes:
            vars(part).clear()
            vars(part).update(attributes)
            part._buffers.clear()
            part._buffers.update({key: None if old is None else fresh[id(old)] for key, old in buffers.items()})
