"""Logistic regression: two classes, one logit."""

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.checks import check_two_classes
from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.metrics import ThresholdAccuracy


@final
class LogisticRegression(AbstractModule):
    """``p(class 1) = sigmoid(weight x + bias)``; the loss is the binary cross-entropy, from the logit.

    In scikit-learn's terms, for n samples: LogisticRegression(C = 1 / (2 * n * l2)).

    Args:
        in_features: Numbers in one sample.
        num_classes: 2.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int = 2,
        optimizer: Mapping[str, Any] = SGD,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/accuracy",
        proximal: bool = False,
    ) -> None:
        check_two_classes("LogisticRegression", in_features, num_classes, "model=softmax_regression")
        network = nn.Linear(in_features, 1)
        super().__init__(network, {"accuracy": ThresholdAccuracy(0.0)}, optimizer, scheduler, l1, l2, monitor, proximal)
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean binary cross-entropy in nats: logits [batch, 1] against classes [batch]."""
        return F.binary_cross_entropy_with_logits(outputs.squeeze(1), targets.to(outputs.dtype))

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities [batch, 2] of logits [batch, 1]."""
        return torch.cat([(-outputs).sigmoid(), outputs.sigmoid()], dim=1)
