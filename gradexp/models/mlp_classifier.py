"""The multi-layer perceptron that classifies by softmax and cross-entropy."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

from torch import Tensor

from gradexp.checks import Activation, Backward, Init, OutputActivation, check
from gradexp.gradients.functions import CrossEntropy, by_hand
from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.models.abstract_module import ADAM
from gradexp.models.layers import multi_layer_perceptron


@final
class MLPClassifier(AbstractClassifier):
    """Linear layers with an activation between them, from features to one logit a class.

    Args:
        in_features: Numbers in one sample; samples of any shape are flattened.
        num_classes: Number of classes.
        hidden: Widths of the hidden layers; none makes it softmax regression.
        activation, init, dropout, input_dropout, batch_norm: See multi_layer_perceptron.
        output_activation: Follows the last layer; "relu" as in a tutorial that shows what it does to the logits.
        backward: "by_hand" for linear layers, sigmoids and loss out of gradexp.gradients.functions, or "autograd".
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

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
        backward: Backward = "autograd",
        optimizer: Mapping[str, Any] = ADAM,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/accuracy",
        proximal: bool = False,
    ) -> None:
        check(num_classes=num_classes)
        check("model.", backward=backward)
        network = multi_layer_perceptron(
            in_features,
            num_classes,
            hidden,
            activation,
            output_activation,
            init,
            dropout,
            input_dropout,
            batch_norm,
        )
        network = by_hand(network) if backward == "by_hand" else network
        super().__init__(network, num_classes, optimizer, scheduler, l1, l2, monitor, proximal)
        self.is_by_hand = backward == "by_hand"
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats: logits [batch, classes] against classes [batch]."""
        if self.is_by_hand:
            return cast(Tensor, CrossEntropy.apply(outputs, targets))
        return super().loss(outputs, targets)
