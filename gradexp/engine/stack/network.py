"""The forward pass of several networks of one architecture at once."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gradexp.engine.stack.linear import stacked_linear

# Layers without parameters that treat every number by itself, whatever the shape.
ELEMENTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.Hardtanh,
    nn.Identity,
)  # fmt: skip
RANDOM = (nn.modules.dropout._DropoutNd, nn.RReLU)


def why_not_stacked(network: nn.Module) -> str | None:
    """Why copies of a network cannot run as one batched program; None if they can."""
    if next(network.buffers(), None) is not None:
        return "it has buffers, such as batch normalisation's, which a forward pass changes"
    known = [layer for layer in network.children() if type(network) is nn.Sequential and type(layer) is nn.Dropout]
    for name, layer in network.named_modules():
        if isinstance(layer, RANDOM) and not any(layer is dropout for dropout in known):
            return f"its layer {name} draws random numbers"
    return None


class StackedNetwork:
    """Networks of one architecture, whose parameters are given with each call.

    A Sequential of linear layers, activations and dropout is computed by batched matrix products; any other layer by
    torch.vmap.

    Args:
        networks: The members.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._layers = list(_layers(networks[0]))
        self._recorded = {name for name, layer in self._layers if any(map(_computes, layer.modules()))}

    def __call__(
        self,
        parameters: Mapping[str, Tensor],
        inputs: Tensor,
        masks: Mapping[str, Tensor] | None = None,
        record: Callable[[str, Tensor], None] | None = None,
    ) -> Tensor:
        """Outputs [members, samples, ...].

        Args:
            parameters: By name [members, ...].
            inputs: [members, samples, ...].
            masks: For training: of each dropout layer [members, samples, ...], 0 where a number is dropped, else
                ``1 / (1 - p)``; see DropoutMasks. None for evaluation.
            record: Called with the name and the outputs of each layer that has parameters; a network that is no
                Sequential is one layer, "network".
        """
        values = inputs
        for name, layer in self._layers:
            prefix = f"{name}." if name else ""
            kind: type = type(layer)
            if kind is nn.Linear:
                values = stacked_linear(values, parameters[f"{prefix}weight"], parameters.get(f"{prefix}bias"))
            elif kind is nn.Flatten:
                values = values.flatten(2)
            elif kind is nn.Dropout:
                values = values if masks is None else values * masks[name]
            elif kind in ELEMENTWISE:
                values = layer(values)
            else:
                values = _by_vmap(prefix, layer, parameters, values, masks is not None)
            if record is not None and name in self._recorded:
                record(name or "network", values)
        return values


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    skeleton = copy.deepcopy(network).to("meta")
    if type(network) is nn.Sequential:
        yield from skeleton.named_children()
    else:
        yield "", skeleton


def _computes(layer: nn.Module) -> bool:
    """Whether a layer has parameters of its own, and computes with them itself."""
    is_list = isinstance(layer, nn.ParameterList | nn.ParameterDict)
    return not is_list and next(layer.parameters(recurse=False), None) is not None


def _by_vmap(prefix: str, layer: nn.Module, parameters: Mapping[str, Tensor], values: Tensor, training: bool) -> Tensor:
    own = {key.removeprefix(prefix): value for key, value in parameters.items() if key.startswith(prefix)}
    layer.train(training)

    def one(weights: Mapping[str, Tensor], samples: Tensor) -> Tensor:
        return cast(Tensor, functional_call(layer, dict(weights), (samples,)))

    outputs: Tensor = torch.vmap(one)(own, values)
    return outputs
