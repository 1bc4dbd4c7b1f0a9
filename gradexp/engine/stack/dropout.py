"""The dropout masks of several networks, each drawn from its member's own stream."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gradexp.randomness import mix


class DropoutMasks:
    """Draws the very masks that nn.Dropout draws in a fit of one network that StepSeed seeds.

    Args:
        networks: The members, Sequentials whose dropout rates may differ.
        seeds: The members' seeds.
        sample: Inputs of one member [samples, ...], for the shapes of the layers.
    """

    def __init__(self, networks: Sequence[nn.Module], seeds: Sequence[int], sample: Tensor) -> None:
        self._seeds = list(seeds)
        self._stream = torch.Generator(sample.device)
        self._shapes: dict[str, torch.Size] = {}
        values = sample[:1]
        for name, layer in networks[0].named_children() if has_dropout(networks[0]) else ():
            if type(layer) is nn.Dropout:
                self._shapes[name] = values.shape[1:]
            else:
                with torch.no_grad():
                    values = layer(values)
        self._kept = {name: [1 - float(getattr(network, name).p) for network in networks] for name in self._shapes}

    def __bool__(self) -> bool:
        return bool(self._shapes)

    def draw(self, batch: int, samples: int) -> dict[str, Tensor]:
        """The factors of each layer's numbers [members, samples, ...]: 0 where dropped, else ``1 / (1 - p)``.

        Args:
            batch: Number of the batch in the whole fit, from 0.
            samples: In the batch.
        """
        members, device = len(self._seeds), self._stream.device
        masks = {name: torch.empty(members, samples, *shape, device=device) for name, shape in self._shapes.items()}
        for row, seed in enumerate(self._seeds):
            self._stream.manual_seed(mix("step", seed, batch, 0))
            for name, mask in masks.items():
                kept = self._kept[name][row]
                mask[row].bernoulli_(kept, generator=self._stream).div_(kept)
        return masks


def has_dropout(network: nn.Module) -> bool:
    """Whether a Sequential has dropout layers."""
    return any(type(layer) is nn.Dropout for layer in network.children())
