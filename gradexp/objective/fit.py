"""Which losses fit which outputs, and how targets are encoded for a loss."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.objective.losses import BinaryCrossEntropy, CrossEntropy, HalfSquaredError, Hinge

Outputs = Literal["logits", "log_probabilities", "logit", "sigmoids", "numbers", "own"]


class OutputKind(NamedTuple):
    """A kind of outputs: in words, the matching options of conf/loss, and the losses that take such outputs."""

    words: str
    options: str
    losses: tuple[type[nn.Module], ...]


REGRESSION = (HalfSquaredError, nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)
OUTPUT_KINDS: Mapping[Outputs, OutputKind] = {
    "logits": OutputKind(
        "a score for each class",
        "loss=cross_entropy, hinge",
        (CrossEntropy, nn.CrossEntropyLoss, Hinge, nn.MultiMarginLoss),
    ),
    "log_probabilities": OutputKind(
        "a log-probability for each class", "loss=cross_entropy, nll", (CrossEntropy, nn.CrossEntropyLoss, nn.NLLLoss)
    ),
    "logit": OutputKind("one score, for class 1", "loss=bce, hinge", (BinaryCrossEntropy, nn.BCEWithLogitsLoss, Hinge)),
    "sigmoids": OutputKind(
        "a number from 0 to 1 for each class", "loss=bce, mse, l1, huber", (BinaryCrossEntropy, nn.BCELoss, *REGRESSION)
    ),
    "numbers": OutputKind("real numbers", "loss=mse, l1, huber", (*REGRESSION, nn.PoissonNLLLoss)),
    "own": OutputKind("for its own loss alone", "loss=default", ()),
}
# These need targets that no model has: -1 and 1, or several per sample.
FOR_OTHER_TARGETS = (
    nn.SoftMarginLoss, nn.HingeEmbeddingLoss, nn.MultiLabelMarginLoss, nn.MultiLabelSoftMarginLoss, nn.KLDivLoss,
)  # fmt: skip
# A user's loss, which is none of these, is tried on the first batch.
KNOWN_LOSSES = {*FOR_OTHER_TARGETS, *(loss for kind in OUTPUT_KINDS.values() for loss in kind.losses)}


def check_takes(loss: nn.Module, outputs: Outputs, model: str) -> None:
    """Check that a loss fits the outputs of a model.

    Raises:
        ValueError: The loss is for other outputs, or is not a mean over the batch.
    """
    kind = OUTPUT_KINDS[outputs]
    if outputs == "own" or (type(loss) in KNOWN_LOSSES and type(loss) not in kind.losses):
        is_nll = isinstance(loss, nn.NLLLoss) and outputs == "logits"
        hint = " nll needs model.output_activation=log_softmax." if is_nll else ""
        raise ValueError(
            f"loss must fit {model}, whose outputs are {kind.words} ({kind.options}); got {type(loss).__name__}.{hint}"
        )
    if getattr(loss, "reduction", "mean") != "mean":
        raise ValueError(
            f"loss.reduction must be mean, independent of the batch size; got {loss.reduction} for "
            f"{type(loss).__name__}."
        )


def measured(loss: nn.Module, outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of outputs [batch, ...] and encoded targets [batch, ...], one number.

    Raises:
        ValueError: The loss does not take such outputs or targets, or does not return a single number.
    """
    try:
        value: Tensor = loss(outputs, targets)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, AssertionError) as error:
        raise ValueError(
            f"loss must take outputs {_shape_and_type(outputs)} and targets {_shape_and_type(targets)}; got "
            f"{type(loss).__name__}: {error}"
        ) from error
    if not isinstance(value, Tensor) or value.ndim:
        result = f"shape {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise ValueError(
            f"loss must return one number per batch, a mean over its samples; got {result} from {type(loss).__name__}."
        )
    return value


def _shape_and_type(values: Tensor) -> str:
    return f"{list(values.shape)} of {str(values.dtype).removeprefix('torch.')}"


def encoded(targets: Tensor, outputs: Tensor, kind: Outputs) -> Tensor:
    """Targets in the form that losses of such outputs take.

    Args:
        targets: Classes [batch], or real numbers [batch, targets].
        outputs: [batch, ...].
        kind: Kind of the outputs.

    Raises:
        ValueError: The shape of real-valued targets differs from the outputs'.
    """
    if kind == "logit" or (kind == "sigmoids" and outputs.shape[1] == 1):
        return targets.unsqueeze(1).to(outputs.dtype)
    if kind == "sigmoids":
        return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
    if kind == "numbers" and outputs.shape != targets.shape:
        # Otherwise [batch, 1] and [batch] would be broadcast to [batch, batch].
        raise ValueError(
            f"outputs and targets must have the same shape; got {list(outputs.shape)} and {list(targets.shape)}. "
            "model.num_targets is the number of values that the model predicts."
        )
    return targets
