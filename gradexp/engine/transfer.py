"""Weights of another network for the start of a fit, and parameters that a fit leaves alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from gradexp.rules import did_you_mean

SHOWN = 6  # names in a message
NETWORK = "network."  # begins the names of the parameters of gradexp's models; users need not type it


@dataclass(frozen=True)
class Taken:
    """What a module has taken from the tensors of another one.

    Attributes:
        taken: Names of the tensors.
        others: Descriptions of the module's other tensors.
        unused: Names of the file's other tensors.
    """

    taken: list[str]
    others: list[str]
    unused: list[str]

    def notes(self, source: str) -> list[str]:
        """What was taken from `source` and what was not, for the user."""
        number = len(self.taken) + len(self.others)
        found = [
            f"init_from: {len(self.taken)} of the model's {number} tensors are those of {source}: {_some(self.taken)}"
        ]
        left = [*self.others, *([f"not in the model: {_some(self.unused)}"] if self.unused else [])]
        return [*found, f"init_from: not taken: {'; '.join(left[:SHOWN])}{_more(left)}"] if left else found


@torch.no_grad()
def take_weights(module: nn.Module, state_dict: Mapping[str, Tensor], source: str) -> Taken:
    """Copy the tensors that match by name and shape into a module.

    Copied are parameters, and the running averages of normalisation layers; not the buffers of losses and metrics.

    Args:
        module: The module, which is changed in place.
        state_dict: The tensors by name, of a module of the same or of another class.
        source: Where they are from, for the message.

    Raises:
        ValueError: No parameter matches.
    """
    own: dict[str, Tensor] = dict(module.named_parameters())
    parameters = set(own)
    for name, layer in module.named_modules():
        if isinstance(layer, _NormBase):
            own |= {f"{name}.{key}".lstrip("."): buffer for key, buffer in layer.named_buffers(recurse=False)}
    taken, others = [], []
    for name, tensor in own.items():
        found = state_dict.get(name)
        if found is not None and found.shape == tensor.shape:
            tensor.copy_(found)
            taken.append(name)
        else:
            there = f"{list(found.shape)} in the file" if found is not None else "missing in the file"
            others.append(f"{_short(name)} is {list(tensor.shape)} in the model and {there}")
    if parameters.isdisjoint(taken):
        raise ValueError(
            "init_from must be a checkpoint with parameters that match the model's by name and shape; "
            f"{source} has none: {'; '.join(others[:3])}{_more(others, 3)}. It has {_some(map(_short, state_dict))}."
        )
    unused = [_short(name) for name in state_dict if name not in own and not name.startswith("objective.")]
    return Taken([_short(name) for name in taken], others, unused)


def freeze(module: nn.Module, patterns: Sequence[str]) -> str:
    """Freeze parameters: they get no gradient and no penalty, and no optimizer changes them.

    Normalisation layers all of whose parameters are frozen keep their running averages too, and normalise by them.

    Args:
        module: The module, which is changed in place.
        patterns: Names of layers or parameters, such as "linear_1", "linear_*" or "*.bias"; a layer's name stands for
            all parameters in it.

    Returns:
        A note on what is frozen.

    Raises:
        ValueError: A pattern matches nothing, or nothing is left to train.
    """
    parameters = {_short(name): parameter for name, parameter in module.named_parameters()}
    frozen: dict[str, nn.Parameter] = {}
    for pattern in patterns:
        found = {name: each for name, each in parameters.items() if _matches(name, pattern.removeprefix(NETWORK))}
        if not found:
            layers = dict.fromkeys(name.rpartition(".")[0] or name for name in parameters)
            raise ValueError(
                f"freeze must name layers or parameters of the model; got {pattern!r}, which matches none."
                f"{did_you_mean(pattern, [*layers, *parameters])} Layers: {_some(layers)}. Patterns such as linear_* "
                "and *.bias match several."
            )
        frozen |= found
    if len(frozen) == len(parameters):
        raise ValueError(f"freeze must leave a parameter to train; got {list(patterns)}, which match all of them.")
    for parameter in frozen.values():
        parameter.requires_grad_(False)
    for layer in module.modules():
        own = list(layer.parameters(recurse=False)) if isinstance(layer, _NormBase) else []
        if own and not any(parameter.requires_grad for parameter in own):
            layer.register_forward_pre_hook(_evaluate)  # a call of `train` on the whole module would undo `eval`
    numbers = sum(parameter.numel() for parameter in frozen.values())
    every = sum(parameter.numel() for parameter in parameters.values())
    return f"frozen: {numbers:,} of {every:,} parameters: {_some(frozen)}"


def _evaluate(layer: nn.Module, inputs: object) -> None:
    layer.eval()


def _matches(name: str, pattern: str) -> bool:
    """Whether a pattern matches a parameter's name, or that of a layer it is in."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:length]), pattern) for length in range(1, len(parts) + 1))


def _short(name: str) -> str:
    return name.removeprefix(NETWORK)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + _more(listed)


def _more(listed: Sequence[str], shown: int = SHOWN) -> str:
    return f" and {len(listed) - shown} more" if len(listed) > shown else ""
