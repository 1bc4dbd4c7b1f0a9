"""The memory that an optimizer takes beside weights and gradients."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def state_bytes(optimizers: Iterable[Optimizer]) -> int:
    """Bytes of the tensors in the states of optimizers: 8 a parameter for Adam's two moments in single precision."""
    found: dict[int, int] = {}
    for optimizer in optimizers:
        _add(optimizer.state, found)
    return sum(found.values())


def _add(value: Any, found: dict[int, int]) -> None:
    """Add the bytes of all tensors in a value, each tensor once."""
    if isinstance(value, Tensor):
        found[id(value)] = value.numel() * value.element_size()
    elif isinstance(value, Mapping):
        for item in value.values():
            _add(item, found)
    elif isinstance(value, list | tuple):
        for item in value:
            _add(item, found)
