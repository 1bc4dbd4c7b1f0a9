"""The cross-entropy with a backward written by hand, for `backward="by_hand"`."""

from typing import cast

from torch import Tensor, nn

from gradexp.gradients import functions
from gradexp.objective.losses import CrossEntropy


class CrossEntropyByHand(nn.Module):
    """Softmax cross-entropy with a backward written by hand: logits [batch, classes] against classes [batch]."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cast(Tensor, functions.CrossEntropy.apply(outputs, targets))


def loss_by_hand(loss: nn.Module | None) -> nn.Module:
    """The same loss with a backward written by hand.

    Raises:
        ValueError: No backward is written for this loss.
    """
    if not _is_plain_cross_entropy(loss):
        raise ValueError(
            "model.backward must be autograd, but for a cross-entropy without label_smoothing and class_weight; "
            f"got by_hand with {loss or 'no loss'}."
        )
    return CrossEntropyByHand()


def _is_plain_cross_entropy(loss: nn.Module | None) -> bool:
    if type(loss) is CrossEntropy:
        return not loss.label_smoothing and loss.class_weight is None
    if type(loss) is nn.CrossEntropyLoss:  # a subclass may compute something else
        return not loss.label_smoothing and loss.weight is None and loss.reduction == "mean" and loss.ignore_index < 0
    return False
