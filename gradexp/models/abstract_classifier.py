"""The base class of classifiers with a score for each class."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Unpack

from torch import Tensor, nn

from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.default_metrics import class_accuracy
from gradexp.objective.fit import Outputs
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import at_least


class AbstractClassifier(AbstractModule):
    """A network with one logit per class [batch, classes]; targets are class numbers [batch].

    The default loss is the cross-entropy of the softmax of the logits (log-softmax and NLL in one operation, stable for
    large logits).

    Args:
        network: From inputs [batch, ...] to logits [batch, classes].
        num_classes: Number of classes.
        outputs: "logits", or "log_probabilities" if the network ends in log-softmax.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {
        "loss": {"_target_": "gradexp.objective.losses.CrossEntropy"},
        "optimizer": SGD,
        "monitor": "val/accuracy",
    }

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
