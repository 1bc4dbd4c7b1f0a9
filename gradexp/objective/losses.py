"""Losses as modules: a mean over the batch, of outputs and encoded targets.

torch's losses (torch.nn.MSELoss, L1Loss, HuberLoss, NLLLoss, ...) are used directly. This file has losses that torch
lacks, and losses whose class weights differ from torch's.

Each loss of a data set is the mean of its samples' losses, however the set is split into batches.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.arguments import checked
from gradexp.rules import CLASS_WEIGHT, FRACTION, at_least

NumClasses = Annotated[int, at_least(2)]
ClassWeight = Annotated[Literal["balanced"] | Sequence[float] | None, CLASS_WEIGHT]


class ClassWeightedLoss(nn.Module):
    """A classification loss that weights each sample by its class: ``mean_n v[class_n] loss_n``.

    The mean is over samples, not over weights, as in scikit-learn and Keras. (torch.nn.CrossEntropyLoss divides by the
    batch's sum of weights, so its value depends on which samples share a batch.)

    Args:
        num_classes: Number of classes.
        class_weight: A weight for each class; "balanced" for ``samples / (classes * samples of the class)`` over the
            training part, as in scikit-learn; None for 1 each.
    """

    class_weight: Tensor | None

    @checked
    def __init__(self, num_classes: NumClasses, class_weight: ClassWeight = None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.is_balanced = class_weight == "balanced"
        if class_weight is None or self.is_balanced:
            weights = torch.ones(num_classes) if self.is_balanced else None
        else:
            weights = torch.tensor(class_weight, dtype=torch.float32)
            if not weights.any():
                raise ValueError(f"loss.class_weight must have a weight above 0; got {class_weight!r}.")
            if len(weights) != num_classes:
                raise ValueError(
                    f"loss.class_weight must have {num_classes} weights, one a class; got {class_weight!r}."
                )
        # Checkpoints contain balanced weights, so that a restored model needs no training data.
        self.register_buffer("class_weight", weights, persistent=self.is_balanced)

    def balance(self, targets: Tensor) -> None:
        """Set the weights from the training part's classes [samples]; a class without samples gets 0."""
        assert self.is_balanced
        assert self.class_weight is not None
        counts = torch.bincount(targets.flatten().long(), minlength=self.num_classes).to(self.class_weight)
        self.class_weight.copy_(torch.where(counts > 0, len(targets) / (self.num_classes * counts.clamp(min=1)), 0.0))

    def mean(self, losses: Tensor, classes: Tensor) -> Tensor:
        """The weighted mean of losses [batch] whose samples have these classes [batch]."""
        return (losses if self.class_weight is None else losses * self.class_weight[classes.long()]).mean()


class CrossEntropy(ClassWeightedLoss):
    """Softmax cross-entropy in nats of logits [batch, classes] and classes [batch] (Bridle 1990).

    Args:
        num_classes, class_weight: See ClassWeightedLoss.
        label_smoothing: Fraction of each target that is spread evenly over all classes (Szegedy et al. 2016).
    """

    @checked
    def __init__(
        self,
        num_classes: NumClasses,
        label_smoothing: Annotated[float, FRACTION] = 0.0,
        class_weight: ClassWeight = None,
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
        num_classes, class_weight: See ClassWeightedLoss; weights need a single output, of two classes.
        from_logits: Whether outputs are logits; otherwise they are probabilities.
    """

    @checked
    def __init__(self, num_classes: NumClasses, from_logits: bool, class_weight: ClassWeight = None) -> None:
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
    """Hinge loss, as in a support-vector machine: 0 where a sample is right by a margin of 1.

    For one score z [batch, 1] and targets t in {0, 1}: ``max(0, 1 - (2 t - 1) z)`` (Cortes and Vapnik 1995). For a
    score for each class [batch, classes]: ``max(0, 1 - z_t + max_{j != t} z_j)`` (Crammer and Singer 2001). Both equal
    scikit-learn's hinge_loss.
    """

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            each = (1 - (2 * targets - 1) * outputs).clamp(min=0).squeeze(1)
            return self.mean(each, targets.squeeze(1))
        target_score = outputs.gather(1, targets.unsqueeze(1)).squeeze(1)
        best_other = outputs.scatter(1, targets.unsqueeze(1), -torch.inf).amax(dim=1)
        return self.mean((1 - target_score + best_other).clamp(min=0), targets)


class HalfSquaredError(nn.Module):
    """``1/2 sum_k (O_k - t_k)^2``, a mean over the batch (Rumelhart, Hinton and Williams 1986)."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().sum(dim=1).mean() / 2
