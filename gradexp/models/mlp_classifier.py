"""The multi-layer perceptron that classifies with softmax and cross-entropy."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Unpack, final

from gradexp.gradients.functions import by_hand
from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.models.defaults import ADAM
from gradexp.models.layers import multi_layer_perceptron
from gradexp.models.loss_by_hand import loss_by_hand
from gradexp.objective.fit import Outputs
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import ACTIVATION, COUNT, FRACTION, HIDDEN, INIT, OUTPUT_ACTIVATION, at_least


@final
class MLPClassifier(AbstractClassifier):
    """Linear layers with activations in between, from features to one logit per class.

    Args:
        in_features: Numbers in a sample; samples of any shape are flattened.
        num_classes: Number of classes.
        hidden: Widths of the hidden layers; an empty list gives softmax regression.
        activation, init, dropout, input_dropout, batch_norm: See multi_layer_perceptron.
        output_activation: Follows the last layer: "relu", to show its effect on logits; "log_softmax", for the negative
            log-likelihood; or None for nothing.
        backward: "autograd", or "by_hand" for the linear layers, sigmoids and loss of gradexp.gradients.functions.
        options: See ObjectiveOptions.

    Raises:
        ValueError: An argument breaks its rule.
    """

    defaults: ClassVar[ObjectiveOptions] = {**AbstractClassifier.defaults, "optimizer": ADAM}

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)],
        hidden: Annotated[Sequence[int], HIDDEN] = (200, 200),
        activation: Annotated[str, ACTIVATION] = "relu",
        output_activation: Annotated[str | None, OUTPUT_ACTIVATION] = None,
        init: Annotated[str, INIT] = "default",
        dropout: Annotated[float, FRACTION] = 0.0,
        input_dropout: Annotated[float, FRACTION] = 0.0,
        batch_norm: bool = False,
        backward: Literal["autograd", "by_hand"] = "autograd",
        **options: Unpack[ObjectiveOptions],
    ) -> None:
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
            options.get("trusted_packages", ()),
        )
        outputs: Outputs = "log_probabilities" if output_activation == "log_softmax" else "logits"
        super().__init__(by_hand(network) if backward == "by_hand" else network, num_classes, outputs, **options)
        if backward == "by_hand":
            self.objective.loss = loss_by_hand(self.objective.loss)
        self.save_hyperparameters()
