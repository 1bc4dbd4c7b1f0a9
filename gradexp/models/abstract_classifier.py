"""What the models share that classify by softmax and cross-entropy."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.checks import check
from gradexp.models.abstract_module import AbstractModule
from gradexp.models.metrics import class_accuracy


class AbstractClassifier(AbstractModule):
    """A network with one logit a class [batch, classes]; targets are class numbers [batch].

    The loss is the cross-entropy of the softmax of the logits (log-softmax and NLL in one, stable for large logits).

    Args:
        network: From inputs [batch, ...] to logits [batch, classes].
        num_classes: Number of classes.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.
    """

    @abstractmethod
    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        optimizer: Mapping[str, Any],
        scheduler: Mapping[str, Any] | None,
        l1: float,
        l2: float,
        monitor: str,
        proximal: bool,
    ) -> None:
        check(num_classes=num_classes)
        metrics = {"accuracy": class_accuracy(num_classes)}
        super().__init__(network, metrics, optimizer, scheduler, l1, l2, monitor, proximal)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats: logits [batch, classes] against classes [batch]."""
        return F.cross_entropy(outputs, targets)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities [batch, classes] of logits [batch, classes]."""
        return outputs.softmax(dim=-1)
