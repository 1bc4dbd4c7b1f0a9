"""`audit`, which runs all checks."""

from torch import Tensor, nn

from gradexp.auditing import one_batch, training
from gradexp.auditing.closed_forms import closed_forms
from gradexp.auditing.gradients import gradients
from gradexp.auditing.result import AuditResult
from gradexp.auditing.subject import Loss, Subject


def audit(
    module: nn.Module,
    batch: tuple[Tensor, Tensor],
    loss: Loss | None = None,
    seed: int = 0,
    is_trained: bool = False,
) -> AuditResult:
    """Check a module before training. The module is copied and not changed.

    >>> gradexp.audit(MyNet(), (images, labels)).passed  # doctest: +SKIP

    Args:
        module: Any LightningModule or nn.Module that maps inputs to outputs.
        batch: Inputs [batch, ...] and targets [batch, ...]; 16 to 256 samples are enough.
        loss: Function of outputs and targets that returns a scalar; None for the module's `loss` if it has one,
            otherwise the cross-entropy.
        seed: Seed of the coordinates that are checked, and of the two passes that must be equal.
        is_trained: Whether the weights are trained, so that the loss is no longer ln C.

    Returns:
        The checks; `.passed` tells whether none failed.

    Raises:
        ValueError: The batch is not a pair of tensors of equal length.
    """
    if (
        not isinstance(batch, tuple | list)
        or len(batch) != 2
        or not all(isinstance(part, Tensor) and part.ndim > 0 for part in batch)
        or not len(batch[0]) == len(batch[1]) > 0
    ):
        shapes = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in batch]
        raise ValueError(f"batch must be a pair of tensors, inputs and targets, of equal length; got {shapes}.")
    subject = Subject(module, (batch[0], batch[1]), loss)
    checks = [
        one_batch.initial_loss(subject, is_trained),
        one_batch.loss_is_mean(subject),
        one_batch.unrestricted_logits(subject),
        one_batch.depends_on_input(subject),
        one_batch.samples_are_independent(subject),
        one_batch.dead_units(subject),
        one_batch.gradient_reaches_every_parameter(subject),
        *gradients(subject, seed),
        *closed_forms(subject),
        training.is_reproducible(subject, seed),
        training.gradients_are_zeroed(subject),
        training.overfits(subject),
    ]
    return AuditResult(tuple(checks))
