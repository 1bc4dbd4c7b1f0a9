"""Losses as modules: outputs against encoded targets, a mean over the batch.

torch's own (torch.nn.MSELoss, L1Loss, HuberLoss, NLLLoss, ...) are used as they are; here are those that torch lacks,
or whose class weights and logits need more than torch's.

Each is additive: the loss of a set is the mean of its samples' losses, however it is cut into batches.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.arguments import checked
from gradexp.rules import CLASS_WEIGHT, FRACTION, at_least

ClassWeight = Literal["balanced"] | Sequence[float]


class ClassWeightedLoss(nn.Module):
    """A loss of class numbers whose samples count by the weight of their class: ``mean_n v[class_n] loss_n``.

    The mean is over samples, not over weights, as scikit-learn's and Keras's is. (torch.nn.CrossEntropyLoss divides by
    the batch's sum of weights, so that its value depends on which samples share a batch.)

    Args:
        num_classes: Number of classes.
        class_weight: A weight for each class; "balanced" for ``samples / (classes * samples of the class)`` over the
            training part, as scikit-learn's; None for 1 each.
    """

    class_weight: Tensor | None

    @checked
    def __init__(
        self,
        num_classes: Annotated[int, at_least(2)],
        class_weight: Annotated[ClassWeight | None, CLASS_WEIGHT] = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.is_balanced = class_weight == "balanced"
        given = None if class_weight is None or self.is_balanced else torch.tensor(class_weight, dtype=torch.float32)
        if given is not None and not given.any():
            raise ValueError(f"loss.class_weight must have a weight above 0; got {class_weight!r}.")
        if given is not None and len(given) != num_classes:
            raise ValueError(f"loss.class_weight must have {num_classes} weights, one a class; got {class_weight!r}.")
        # Balanced ones are kept in checkpoints, so that a restored model needs no training data.
        weights = torch.ones(num_classes) if self.is_balanced else given
        self.register_buffer("class_weight", weights, persistent=self.is_balanced)

    def balance(self, targets: Tensor) -> None:
        """Set the balanced weights from the training part's classes [samples]; a class without samples gets 0."""
        assert self.is_balanced
        assert self.class_weight is not None
        counts = torch.bincount(targets.flatten().long(), minlength=self.num_classes).to(self.class_weight)
        self.class_weight.copy_(torch.where(counts > 0, len(targets) / (self.num_classes * counts.clamp(min=1)), 0.0))

    def mean(self, losses: Tensor, classes: Tensor) -> Tensor:
        """The weighted mean of losses [batch] of samples of these classes [batch]."""
        return (losses if self.class_weight is None else losses * self.class_weight[classes.long()]).mean()


class CrossEntropy(ClassWeightedLoss):
    """Softmax cross-entropy in nats of logits [batch, classes] and classes [batch] (Bridle 1990).

    Args:
        num_classes, class_weight: See ClassWeightedLoss.
        label_smoothing: Share of each target that is spread evenly over all classes (Szegedy et al. 2016).
    """

    @checked
    def __init__(
        self,
        num_classes: Annotated[int, at_least(2)],
        label_smoothing: Annotated[float, FRACTION] = 0.0,
        class_weight: Annotated[ClassWeight | None, CLASS_WEIGHT] = None,
    ) -> None:
        super().__init__(num_classes, class_weight)
        self.label_smoothing = label_smoothing

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.class_weight is None:
            return F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)
        each = F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing, reduction="none")
        return self.mean(each, targets)


class BinaryCrossEntropy(ClassWeightedLoss):
    """Binary cross-entropy in nats, a mean over all outputs [batch, outputs]; targets are 0 or 1 [batch, outputs].

    Args:
        num_classes, class_weight: See ClassWeightedLoss; weights are for one output, of two classes.
        from_logits: Whether outputs are logits; else they are probabilities.
    """

    @checked
    def __init__(
        self,
        num_classes: Annotated[int, at_least(2)],
        from_logits: bool,
        class_weight: Annotated[ClassWeight | None, CLASS_WEIGHT] = None,
    ) -> None:
        super().__init__(num_classes, class_weight)
        if class_weight is not None and num_classes != 2:
            raise ValueError(f"loss.class_weight must be null for this loss of {num_classes} outputs.")
        self.from_logits = from_logits
        self._each = F.binary_cross_entropy_with_logits if from_logits else F.binary_cross_entropy

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.class_weight is None:
            return self._each(outputs, targets)
        return self.mean(self._each(outputs, targets, reduction="none").squeeze(1), targets.squeeze(1))


class Hinge(ClassWeightedLoss):
    """How far a sample is from being right by a margin of 1, as in a support-vector machine.

    Of one score z [batch, 1] and targets t in {0, 1}: ``max(0, 1 - (2 t - 1) z)`` (Cortes and Vapnik 1995). Of a score
    for each class [batch, classes]: ``max(0, 1 - z_t + max_{j != t} z_j)`` (Crammer and Singer 2001). Both are
    scikit-learn's hinge_loss.
    """

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            each = (1 - (2 * targets - 1) * outputs).clamp(min=0).squeeze(1)
            return self.mean(each, targets.squeeze(1))
        own = outputs.gather(1, targets.unsqueeze(1)).squeeze(1)
        others = outputs.scatter(1, targets.unsqueeze(1), -torch.inf).amax(dim=1)
        return self.mean((1 - own + others).clamp(min=0), targets)


class HalfSquaredError(nn.Module):
    """``1/2 sum_k (O_k - t_k)^2``, a mean over the batch: the error of back-propagation's first page (1986)."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().sum(dim=1).mean() / 2
