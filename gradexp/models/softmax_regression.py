"""Softmax regression: a linear classifier of any number of classes."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, final

from torch import nn

from gradexp.checks import check
from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.models.abstract_module import SGD


@final
class SoftmaxRegression(AbstractClassifier):
    """``logits = weight x + bias``, one a class, and the cross-entropy of their softmax.

    In scikit-learn's terms, for n samples: LogisticRegression(C = 1 / (2 * n * l2)).

    Args:
        in_features: Numbers in one sample; samples of any shape are flattened.
        num_classes: Number of classes.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        optimizer: Mapping[str, Any] = SGD,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/accuracy",
        proximal: bool = False,
    ) -> None:
        check(in_features=in_features, num_classes=num_classes)
        network = nn.Sequential(OrderedDict(flatten=nn.Flatten(), output=nn.Linear(in_features, num_classes)))
        super().__init__(network, num_classes, optimizer, scheduler, l1, l2, monitor, proximal)
        self.save_hyperparameters()
