"""Which parameters are weights, to which penalties and weight decay apply."""

from collections.abc import Collection, Iterable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

NamedParameters = Iterable[tuple[str, Tensor]]

NORMALISATION = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def weights(parameters: NamedParameters, *, stacked: bool = False) -> list[Tensor]:
    """The parameters of two or more dimensions, not counting the members' if they are `stacked`, [members, ...].

    Those of one dimension are biases and normalisation scales.
    """
    return [parameter for _, parameter in parameters if parameter.ndim - stacked >= 2]


def names_without_decay(module: nn.Module, no_decay: Collection[str]) -> set[str]:
    """Names of a module's parameters without weight decay.

    "norm" in `no_decay` stands for the parameters of normalisation layers, "bias" for all others but the weights.
    """
    norms = {id(p) for layer in module.modules() if isinstance(layer, NORMALISATION) for p in layer.parameters()}
    weight_ids = {id(weight) for weight in weights(module.named_parameters())}
    kinds = {
        name: "norm" if id(parameter) in norms else "weight" if id(parameter) in weight_ids else "bias"
        for name, parameter in module.named_parameters()
    }
    return {name for name, kind in kinds.items() if kind in no_decay}
