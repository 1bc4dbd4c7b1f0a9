"""All checks of a module on one batch."""

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
    """Check a module before it is trained; it is copied, and stays as it is.

    >>> gradexp.audit(MyNet(), (images, labels)).passed  # doctest: +SKIP

    Args:
        module: Any LightningModule or nn.Module, from inputs to outputs.
        batch: Inputs [batch, ...] and targets [batch, ...]; 16 to 256 samples are enough.
        loss: Of outputs and targets, a scalar; None for the module's own `loss`, else the cross-entropy of classes.
        seed: Of the coordinates that are looked at, and of the passes that must repeat.
        is_trained: Whether the weights are those of a trained model, whose first loss is no longer ln C.

    Returns:
        `.passed`, and `.checks`, a row each.

    Raises:
        ValueError: The batch is no pair of tensors of one length.
    """
    if (
        not isinstance(batch, tuple | list)
        or len(batch) != 2
        or not all(isinstance(part, Tensor) and part.ndim > 0 for part in batch)
        or not len(batch[0]) == len(batch[1]) > 0
    ):
        shapes = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in batch]
        raise ValueError(f"batch must be a pair of tensors, inputs and targets, of as many samples; got {shapes}.")
    subject = Subject(module, (batch[0], batch[1]), loss)
    checks = [
        one_batch.first_loss(subject, is_trained),
        one_batch.mean_of_samples(subject),
        one_batch.usable_logits(subject),
        one_batch.depends_on_input(subject),
        one_batch.samples_apart(subject),
        one_batch.living_units(subject),
        one_batch.reaches_every_parameter(subject),
        *gradients(subject, seed),
        *closed_forms(subject),
        training.repeats(subject, seed),
        training.begins_at_zero(subject),
        training.learns_by_heart(subject),
    ]
    return AuditResult(tuple(checks))
