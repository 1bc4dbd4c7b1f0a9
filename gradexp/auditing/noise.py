"""Random numbers that are equal for every copy of a batch."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


class RepeatedNoise(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Gives each of several copies of a batch the same noise, so that their objectives can be compared.

    It applies to random tensors whose first dimension counts the samples of all copies, or a multiple of them.

    Args:
        copies: Copies of the batch, one after another along the first dimension.
        samples: Samples of the original batch.
    """

    def __init__(self, copies: int, samples: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.copies = copies
        self.samples = samples

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        keywords = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **keywords)
        share: Any
        for position, argument in enumerate(args):
            if isinstance(argument, Tensor) and self._counts_samples(argument.shape):
                share = argument[: len(argument) // self.copies]
            elif isinstance(argument, list | tuple) and self._counts_samples(argument):
                share = [argument[0] // self.copies, *argument[1:]]
            else:
                continue
            result = func(*args[:position], share, *args[position + 1 :], **keywords)
            if func._schema.is_mutable:
                return argument.copy_(torch.cat([share] * self.copies))
            return tree_map(lambda part: torch.cat([part] * self.copies) if isinstance(part, Tensor) else part, result)
        return func(*args, **keywords)

    def _counts_samples(self, shape: Any) -> bool:
        total = self.copies * self.samples
        return len(shape) > 0 and isinstance(shape[0], int) and shape[0] > 0 and shape[0] % total == 0
