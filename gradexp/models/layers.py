"""The layers and initial weights of a multi-layer perceptron, by name or dotted path."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.building.trust import OWN_PACKAGE, trusted_class, trusted_function

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "hardtanh": nn.Hardtanh,
    "identity": nn.Identity,
    "log_softmax": partial(nn.LogSoftmax, dim=1),  # for outputs only
}

INITS: Mapping[str, Callable[[Tensor], Any]] = {
    "lecun_normal": partial(nn.init.kaiming_normal_, nonlinearity="linear"),
    "kaiming_normal": nn.init.kaiming_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "normal": nn.init.normal_,
}


def multi_layer_perceptron(
    in_features: int,
    out_features: int,
    hidden: Sequence[int],
    activation: str = "relu",
    output_activation: str | None = None,
    init: str = "default",
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    batch_norm: bool = False,
    trusted_packages: Sequence[str] = (OWN_PACKAGE,),
) -> nn.Sequential:
    """Linear layers with activations in between; samples of any shape are flattened.

    Args:
        in_features: Numbers in one sample.
        out_features: Numbers in one output.
        hidden: Widths of the hidden layers.
        activation: Follows every hidden layer: a name in ACTIVATIONS, or the dotted path of a class.
        output_activation: Follows the last layer; None for nothing.
        init: Initial weights: "default" (torch's uniform weights and biases); or with zero biases "lecun_normal"
            (variance 1 / inputs, LeCun et al. 1998), "kaiming_normal" (twice that, for ReLU, He et al. 2015),
            "xavier_uniform" (variance 2 / (inputs + outputs), Glorot and Bengio 2010), "normal" (standard normal, too
            large to learn well), or the dotted path of a function of a weight, such as torch.nn.init.orthogonal_.
        dropout: Probability that a hidden unit is dropped in a training step.
        input_dropout: Probability that an input is dropped in a training step.
        batch_norm: Normalise every hidden layer over the batch before its activation (Ioffe and Szegedy 2015).
        trusted_packages: Packages that `activation` and `init` may come from besides torch.nn.

    Raises:
        ValueError: There is no such activation or initialisation.
    """
    build = ACTIVATIONS.get(activation) or trusted_class(activation, "activation", trusted_packages, "model.activation")
    name = activation.rpartition(".")[2].lower()
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    if input_dropout:
        layers.append(("input_dropout", nn.Dropout(input_dropout)))
    width = in_features
    for number, hidden_width in enumerate(hidden, start=1):
        layers.append((f"linear_{number}", nn.Linear(width, hidden_width)))
        if batch_norm:
            layers.append((f"batch_norm_{number}", nn.BatchNorm1d(hidden_width)))
        layers.append((f"{name}_{number}", _activation(build, activation, hidden_width)))
        if dropout:
            layers.append((f"dropout_{number}", nn.Dropout(dropout)))
        width = hidden_width
    layers.append(("output", nn.Linear(width, out_features)))
    if output_activation:
        layers.append((f"{output_activation}_output", ACTIVATIONS[output_activation]()))
    network = nn.Sequential(OrderedDict(layers))
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            initialize(layer.weight, layer.bias, init, trusted_packages)
    return network


def initialize(weight: Tensor, bias: Tensor, init: str, trusted_packages: Sequence[str] = ()) -> None:
    """Draw a layer's weight [outputs, inputs] by `init` and set its bias [outputs] to zero; "default" changes neither.

    Raises:
        ValueError: There is no such function, it needs more than the weight, or it does not fill the weight in place.
    """
    if init == "default":
        return
    draw = INITS.get(init) or trusted_function(init, trusted_packages, "model.init", trusted=("torch.nn.init",))
    try:
        drawn = draw(weight)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"model.init must be a function of a layer's weight alone; got {init}: {error}") from error
    if drawn is not weight:
        raise ValueError(f"model.init must fill a layer's weight in place and return it; got {init}.")
    nn.init.zeros_(bias)


def _activation(build: Callable[[], nn.Module], name: str, width: int) -> nn.Module:
    """A new activation, tried on [batch, width]."""
    try:
        layer = build()
    except TypeError as error:
        raise ValueError(f"model.activation must be a class without arguments; got {name}: {error}") from error
    values = torch.zeros(2, width)
    try:
        with torch.no_grad():
            keeps_shape = layer.eval()(values).shape == values.shape
    except Exception as error:  # any, from a layer that takes other inputs
        raise ValueError(f"model.activation must take outputs [batch, units]; got {name}: {error}") from error
    if not keeps_shape:
        raise ValueError(f"model.activation must keep the shape of its inputs; got {name}.")
    return layer.train()
