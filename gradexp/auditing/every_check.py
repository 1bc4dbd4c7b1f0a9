"""`audit`, which runs all checks."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from gradexp.auditing import flow, logits, loss_mean, memory, samples, units
from gradexp.auditing.batches import Batch, is_pair, tensors_in
from gradexp.auditing.closed_forms import closed_forms
from gradexp.auditing.fit import fit_checks
from gradexp.auditing.gradients import gradients
from gradexp.auditing.quiet import quiet
from gradexp.auditing.reproducibility import is_reproducible
from gradexp.auditing.result import AuditResult
from gradexp.auditing.subject import Loss, Subject


def audit(
    module: nn.Module,
    batch: Batch,
    loss: Loss | None = None,
    seed: int = 0,
    is_trained: bool = False,
) -> AuditResult:
    """Check a module before training. The module is copied and not changed.

    >>> gradexp.audit(MyNet(), (images, labels)).passed  # doctest: +SKIP

    What is audited is the objective that is really trained: of a LightningModule the loss of its training_step, or the
    losses that it passes to manual_backward; of any other module, and where `loss` is given, the loss of its outputs.

    Args:
        module: Any LightningModule or nn.Module that maps inputs to outputs.
        batch: Inputs [batch, ...] and targets [batch, ...]; for a LightningModule any batch that its training_step
            takes. 16 to 256 samples are enough.
        loss: Function of outputs and targets that returns a scalar; None for the module's training_step, otherwise its
            `loss` if it has one, otherwise the cross-entropy.
        seed: Seed of all random numbers.
        is_trained: Whether the weights are trained, so that the loss is no longer ln C.

    Returns:
        The checks; `.passed` tells whether none failed.

    Raises:
        ValueError: The batch is not a pair of tensors of equal length, or training_step returns no loss.
    """
    with quiet(), isolate_rng():
        with _double_precision():
            subject = Subject(module, batch, loss, seed)
            _check_batch(subject, batch)
            steps = flow.FirstSteps(subject)
            checks = [
                logits.initial_loss(subject, is_trained),
                loss_mean.loss_is_mean(subject),
                logits.unrestricted_logits(subject),
                samples.depends_on_input(subject, steps),
                samples.samples_are_independent(subject),
                samples.no_look_ahead(subject),
                units.dead_units(subject),
                units.dropout_ends_with_training(subject),
                units.mode_is_kept(subject),
                flow.gradient_reaches_every_parameter(subject, steps),
                *gradients(subject, seed),
                *closed_forms(subject),
                is_reproducible(subject),
                *memory.learns_by_heart(subject),
            ]
        checks += fit_checks(subject, steps)
    return AuditResult(tuple(checks))


def _check_batch(subject: Subject, batch: Batch) -> None:
    if is_pair(batch) or (subject.takes_any_batch and tensors_in(batch)):
        return
    parts = batch if isinstance(batch, tuple | list) else [batch]
    shapes = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in parts]
    raise ValueError(f"batch must be a pair of tensors, inputs and targets, of equal length; got {shapes}.")


@contextmanager
def _double_precision() -> Iterator[None]:
    """Make float64 the default, for tensors that a user's forward creates."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
