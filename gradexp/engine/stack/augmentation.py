"""Augments the batches of several members, each by the very draws of its own fit."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradexp.engine.augmentation import Augmentation

NUMBERS = 2**17  # inputs that a joint call transforms at most: more leave a core's cache


class StackedAugmentation:
    """Augments the batches of several sources at once.

    A transform with ``draws_per_sample = True`` has ``make_params([inputs])``, which draws tensors with an entry for
    each sample, and ``transform(inputs, params)``, which depends on nothing else. Its draws are made source by source,
    and one call transforms the samples of many. Any other transform is called source by source.

    Args:
        augmentations: Of each source; all None for none.
    """

    def __init__(self, augmentations: Sequence[Augmentation | None]) -> None:
        self._augmentations = [one for one in augmentations if one is not None]
        assert len(self._augmentations) in (0, len(augmentations))
        transforms = [one.transform for one in self._augmentations]
        self._is_joint = len({type(one) for one in transforms}) == 1 and getattr(
            transforms[0], "draws_per_sample", False
        )

    def __bool__(self) -> bool:
        return bool(self._augmentations)

    def __call__(self, inputs: Tensor, batch: int) -> Tensor:
        """The augmented inputs [sources, batch, ...]; `batch` is the batch's number in the whole fit, from 0."""
        if not self._is_joint:
            return torch.stack([one(own, batch) for one, own in zip(self._augmentations, inputs, strict=True)])
        size = max(1, NUMBERS // inputs[0].numel())
        parts = [
            self._jointly(inputs[begin : begin + size], batch, self._augmentations[begin : begin + size])
            for begin in range(0, len(inputs), size)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    @staticmethod
    def _jointly(inputs: Tensor, batch: int, augmentations: Sequence[Augmentation]) -> Tensor:
        transforms: list[Any] = [one.transform for one in augmentations]
        draws = []
        for one, transform, own in zip(augmentations, transforms, inputs, strict=True):
            one.begin(batch, inputs.device)
            draws.append(transform.make_params([own]))
        columns = {name: [params[name] for params in draws] for name in draws[0]}
        params = {name: None if column[0] is None else torch.cat(column) for name, column in columns.items()}
        augmented: Tensor = transforms[0].transform(inputs.flatten(0, 1), params)
        return augmented.reshape(*inputs.shape[:2], *augmented.shape[1:])
