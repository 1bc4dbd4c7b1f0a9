"""The multi-layer perceptron that classifies by softmax and cross-entropy."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, final

from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy

from gradexp.checks import Activation, Init, OutputActivation, check
from gradexp.models.abstract_module import AbstractModule

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


@final
class MLPClassifier(AbstractModule):
    """Linear layers with an activation between them, from features to one logit a class.

    The loss is the cross-entropy of the softmax of the logits (log-softmax and NLL in one, stable for large logits).

    Args:
        in_features: Numbers in one sample; samples of any shape are flattened.
        num_classes: Number of classes.
        hidden: Widths of the hidden layers; none makes it softmax regression.
        activation: Follows every hidden layer.
        output_activation: Follows the last layer; "relu" as in a tutorial that shows what it does to the logits.
        init: Initial weights: torch's own (uniform, and biases too), or with zero biases "kaiming_normal" (He et al.
            2015, for relu), "xavier_uniform" (Glorot and Bengio 2010), "normal" (standard normal, too large to learn
            well: the starting point that the other two mend).
        dropout: Probability that a hidden unit is left out of a training step.
        input_dropout: The same for an input.
        batch_norm: Normalise every hidden layer over the batch before its activation (Ioffe and Szegedy 2015).
        optimizer: `name` of a class in torch.optim, and its arguments.
        scheduler: `name` of a class in torch.optim.lr_scheduler, `interval`, and its arguments; None for none.
        l1, l2: Factors of sum |w| and sum w^2 in the objective.
        monitor: The metric a plateau schedule watches.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        hidden: Sequence[int] = (200, 200),
        activation: Activation = "relu",
        output_activation: OutputActivation | None = None,
        init: Init = "default",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        optimizer: dict[str, Any] = {"name": "Adam", "lr": 1e-3},  # noqa: B006  # never changed
        scheduler: dict[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/accuracy",
    ) -> None:
        check(in_features=in_features, num_classes=num_classes, monitor=monitor)
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
        layers.append(("output", nn.Linear(width, num_classes)))
        if output_activation:
            layers.append((f"{output_activation}_output", ACTIVATIONS[output_activation]()))
        network = nn.Sequential(OrderedDict(layers))
        initialize(network, init)
        # "micro" is the share of samples; validate_args looks at every target of every batch.
        accuracy = MulticlassAccuracy(num_classes, average="micro", validate_args=False)
        super().__init__(network, {"accuracy": accuracy}, optimizer, scheduler, l1, l2, monitor)
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats: logits [batch, classes] against classes [batch]."""
        return F.cross_entropy(outputs, targets)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities [batch, classes] of logits [batch, classes]."""
        return outputs.softmax(dim=-1)


def initialize(network: nn.Module, init: Init) -> None:
    """Draw the weights of every linear layer anew by `init`, with zero biases; "default" leaves torch's own."""
    draws: dict[str, Callable[[Tensor], Tensor]] = {
        "kaiming_normal": nn.init.kaiming_normal_,
        "xavier_uniform": nn.init.xavier_uniform_,
        "normal": nn.init.normal_,
    }
    for layer in network.modules():
        if init != "default" and isinstance(layer, nn.Linear):
            draws[init](layer.weight)
            nn.init.zeros_(layer.bias)
