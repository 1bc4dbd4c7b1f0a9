"""The layers of a multi-layer perceptron, by name, and their initial weights."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from gradexp.checks import Activation, Init, OutputActivation, check

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
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
}


def multi_layer_perceptron(
    in_features: int,
    out_features: int,
    hidden: Sequence[int],
    activation: Activation,
    output_activation: OutputActivation | None,
    init: Init,
    dropout: float,
    input_dropout: float,
    batch_norm: bool,
) -> nn.Sequential:
    """Linear layers with an activation between them; samples of any shape are flattened.

    Args:
        in_features: Numbers in one sample.
        out_features: Numbers in one output.
        hidden: Widths of the hidden layers.
        activation: Follows every hidden layer.
        output_activation: Follows the last layer; None for nothing.
        init: Initial weights: torch's own (uniform, and biases too), or with zero biases "lecun_normal" (variance 1 /
            inputs, LeCun et al. 1998), "kaiming_normal" (twice that, He et al. 2015, for relu), "xavier_uniform" (2 /
            (inputs + outputs), Glorot and Bengio 2010), "normal" (standard normal, too large to learn well: the
            starting point that the others mend).
        dropout: Probability that a hidden unit is left out of a training step.
        input_dropout: The same for an input.
        batch_norm: Normalise every hidden layer over the batch before its activation (Ioffe and Szegedy 2015).

    Raises:
        ValueError: An argument breaks its rule.
    """
    check(in_features=in_features)
    check(
        "model.",
        hidden=hidden,
        activation=activation,
        output_activation=output_activation,
        init=init,
        dropout=dropout,
        input_dropout=input_dropout,
    )
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    if input_dropout:
        layers.append(("input_dropout", nn.Dropout(input_dropout)))
    width = in_features
    for number, hidden_width in enumerate(hidden, start=1):
        layers.append((f"linear_{number}", nn.Linear(width, hidden_width)))
        if batch_norm:
            layers.append((f"batch_norm_{number}", nn.BatchNorm1d(hidden_width)))
        layers.append((f"{activation}_{number}", ACTIVATIONS[activation]()))
        if dropout:
            layers.append((f"dropout_{number}", nn.Dropout(dropout)))
        width = hidden_width
    layers.append(("output", nn.Linear(width, out_features)))
    if output_activation:
        layers.append((f"{output_activation}_output", ACTIVATIONS[output_activation]()))
    network = nn.Sequential(OrderedDict(layers))
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            initialize(layer.weight, layer.bias, init)
    return network


def initialize(weight: Tensor, bias: Tensor, init: Init) -> None:
    """Draw a layer's weight [outputs, inputs] anew by `init`, with a zero bias [outputs]; "default" leaves both."""
    draws: dict[str, Callable[[Tensor], Tensor]] = {
        "lecun_normal": partial(nn.init.kaiming_normal_, nonlinearity="linear"),
        "kaiming_normal": nn.init.kaiming_normal_,
        "xavier_uniform": nn.init.xavier_uniform_,
        "normal": nn.init.normal_,
    }
    if init != "default":
        draws[init](weight)
        nn.init.zeros_(bias)
