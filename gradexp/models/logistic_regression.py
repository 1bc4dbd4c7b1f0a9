"""Logistic regression: two classes, one logit."""

from typing import Annotated, ClassVar, Unpack, final

import torch
from torch import Tensor, nn

from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.default_metrics import ThresholdAccuracy
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import COUNT, at_least


@final
class LogisticRegression(AbstractModule):
    """``p(class 1) = sigmoid(weight x + bias)``; the loss is the binary cross-entropy of the logit.

    In scikit-learn's terms, for n samples: LogisticRegression(C = 1 / (2 * n * l2)).

    Args:
        in_features: Numbers in a sample.
        num_classes: 2, the only number of classes it takes.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {
        "loss": {"_target_": "gradexp.objective.losses.BinaryCrossEntropy"},
        "optimizer": SGD,
        "monitor": "val/accuracy",
    }

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)] = 2,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        if num_classes != 2:
            raise ValueError(
                f"LogisticRegression needs data of 2 classes; got {num_classes}. Use model=softmax_regression."
            )
        metrics = {"accuracy": ThresholdAccuracy(0.0)}
        super().__init__(nn.Linear(in_features, 1), metrics, "logit", num_classes, **options)
        self.save_hyperparameters()

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities [batch, 2] of logits [batch, 1]."""
        return torch.cat([(-outputs).sigmoid(), outputs.sigmoid()], dim=1)
