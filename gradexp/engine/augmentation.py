"""Augmentation of training batches as a function of (seed, batch, rank), so that a resumed run repeats it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradexp.randomness import mix, seed_generators


@dataclass(frozen=True)
class Augmentation:
    """A random transform of the inputs of a fit's training batches, which draws from the global generators.

    Attributes:
        transform: From inputs [batch, ...] to inputs [batch, ...].
        seed: The fit's.
    """

    transform: Callable[[Tensor], Tensor]
    seed: int

    def __call__(self, inputs: Tensor, batch: int, rank: int = 0) -> Tensor:
        """The augmented inputs of a batch, whose number counts from 0 in the whole fit."""
        self.begin(batch, inputs.device, rank)
        return self.transform(inputs)

    def begin(self, batch: int, device: torch.device, rank: int = 0) -> None:
        """Bring the global generators to the start of a batch's stream."""
        seed_generators(mix("augmentation", self.seed, batch, rank), device)
