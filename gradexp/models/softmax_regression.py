"""Softmax regression: a linear classifier for any number of classes."""

from collections import OrderedDict
from typing import Annotated, Unpack, final

from torch import nn

from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import COUNT, at_least


@final
class SoftmaxRegression(AbstractClassifier):
    """``logits = weight x + bias``, one per class; the loss is the cross-entropy of their softmax.

    In scikit-learn's terms, for n samples: LogisticRegression(C = 1 / (2 * n * l2)).

    Args:
        in_features: Numbers in a sample; samples of any shape are flattened.
        num_classes: Number of classes.
        options: See ObjectiveOptions.
    """

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_classes: Annotated[int, at_least(2)],
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        network = nn.Sequential(OrderedDict(flatten=nn.Flatten(), output=nn.Linear(in_features, num_classes)))
        super().__init__(network, num_classes, **options)
        self.save_hyperparameters()
