"""The multi-layer perceptron that classifies with softmax and cross-entropy."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Unpack, cast, final

from torch import Tensor, nn

from gradexp.gradients import functions
from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.models.abstract_module import ADAM
from gradexp.models.layers import multi_layer_perceptron
from gradexp.objective.fit import Outputs
from gradexp.objective.losses import CrossEntropy
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import ACTIVATION, COUNT, FRACTION, HIDDEN, INIT, OUTPUT_ACTIVATION, at_least


class CrossEntropyByHand(nn.Module):
    """Softmax cross-entropy with a backward written by hand: logits [batch, classes] against classes [batch]."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cast(Tensor, functions.CrossEntropy.apply(outputs, targets))


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
        is_by_hand = backward == "by_hand"
        super().__init__(functions.by_hand(network) if is_by_hand else network, num_classes, outputs, **options)
        if is_by_hand:
            if not _is_plain_cross_entropy(self.objective.loss):
                raise ValueError(
                    "model.backward must be autograd, but for a cross-entropy without label_smoothing and "
                    f"class_weight; got by_hand with {self.objective.loss or 'no loss'}."
                )
            self.objective.loss = CrossEntropyByHand()
        self.save_hyperparameters()


def _is_plain_cross_entropy(loss: nn.Module | None) -> bool:
    if type(loss) is CrossEntropy:
        return not loss.label_smoothing and loss.class_weight is None
    if type(loss) is nn.CrossEntropyLoss:  # a subclass may compute something else
        return not loss.label_smoothing and loss.weight is None and loss.reduction == "mean" and loss.ignore_index < 0
    return False
