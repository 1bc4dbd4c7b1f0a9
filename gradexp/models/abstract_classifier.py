"""What the models share that classify by a score for each class."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Unpack

from torch import Tensor, nn

from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.metrics import class_accuracy
from gradexp.objective.fit import Outputs
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import at_least

CROSS_ENTROPY = {"_target_": "gradexp.objective.losses.CrossEntropy"}


class AbstractClassifier(AbstractModule):
    """A network with one logit a class [batch, classes]; targets are class numbers [batch].

    The loss is by default the cross-entropy of the softmax of the logits (log-softmax and NLL in one, stable for large
    logits).

    Args:
        network: From inputs [batch, ...] to logits [batch, classes].
        num_classes: Number of classes.
        outputs: "logits", or "log_probabilities" of a network that ends in log-softmax.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {"loss": CROSS_ENTROPY, "optimizer": SGD, "monitor": "val/accuracy"}

    @abstractmethod
    def __init__(
        self,
        network: nn.Module,
        num_classes: Annotated[int, at_least(2)],
        outputs: Outputs = "logits",
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        super().__init__(network, {"accuracy": class_accuracy(num_classes)}, outputs, num_classes, **options)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities [batch, classes] of logits, or of log-probabilities, [batch, classes]."""
        return outputs.softmax(dim=-1)
