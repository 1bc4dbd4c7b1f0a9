"""What a stack has trained, handed to the job's own task, which then tests, reports and writes as after its own fit."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping

from gradexp.callbacks import Diverged, TimeToTarget
from gradexp.engine.checkpoints import Best, Checkpoints
from gradexp.engine.fit_clock import FitClock
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.engine.lightning_restoring import as_if_fitted, count_steps_done
from gradexp.engine.stack.member import Member, Moment
from gradexp.engine.threads import Threads

if TYPE_CHECKING:
    from gradexp.app.vectorized.members import Prepared

THREADS = 1  # of a stack: the products of small networks gain nothing from more


@dataclass(frozen=True)
class Trained:
    """A job whose fit has been done in a stack of `size` members."""

    prepared: "Prepared"
    size: int


current: ContextVar[Trained | None] = ContextVar("trained", default=None)


def adopt(trained: Trained, trainer: Trainer) -> None:
    """Bring a trainer into the state after the member's fit: weights, optimizer, counts, callbacks, logs, checkpoints.

    Raises:
        Diverged: The fit diverged; last.ckpt is the state before the epoch in which it did.
    """
    prepared, member = trained.prepared, trained.prepared.member
    checkpoints = next(one for one in callbacks_of(trainer) if isinstance(one, Checkpoints))
    for step, values in member.logs:
        for logger in trainer.loggers:
            logger.log_metrics(values, step=step)
    assert member.at_end is not None
    if member.at_best is not None:
        _restore(trained, trainer, member.at_best)
        trainer.save_checkpoint(checkpoints.best_path)
    _restore(trained, trainer, member.at_end)
    trainer.save_checkpoint(checkpoints.last_path)
    if member.diverged:
        count_steps_done(trainer, member.steps)
        raise Diverged(member.diverged)
    if checkpoints.best is None:  # the monitor was never measured
        checkpoints.best = Best(member.epochs, member.steps)
        trainer.save_checkpoint(checkpoints.best_path)
    for callback in callbacks_of(trainer):
        callback.on_fit_end(trainer, prepared.model)


def _restore(trained: Trained, trainer: Trainer, moment: Moment) -> None:
    prepared, member = trained.prepared, trained.prepared.member
    moment.write_into(member.network, member.optimizer, member.schedules)
    every = prepared.cfg.trainer.check_val_every_n_epoch
    as_if_fitted(
        trainer,
        prepared.model,
        prepared.data,
        member.optimizer,
        member.schedules,
        epochs=moment.epochs,
        batches=len(prepared.order),
        validations=moment.epochs // every if prepared.val_batches else 0,
        validation_batches=prepared.val_batches,
    )
    for callback in callbacks_of(trainer):
        if isinstance(callback, Threads):
            callback.use(THREADS)
        elif isinstance(callback, FitClock):
            callback.load_state_dict({"seconds": moment.seconds})
        elif isinstance(callback, Checkpoints):
            callback.best, callback.metrics = moment.best, dict(moment.metrics)
            callback.is_stopped = moment is member.at_end and has_stopped_early(member)
        elif isinstance(callback, EarlyStopping):
            assert moment.early_stopping is not None
            callback.load_state_dict(moment.early_stopping)
        elif isinstance(callback, TimeToTarget):
            callback.load_state_dict(_to_target(member, moment))


def has_stopped_early(member: Member) -> bool:
    """Whether early stopping has ended the member's fit."""
    return member.early_stopping is not None and member.early_stopping.stopping_reason_message is not None


def _to_target(member: Member, moment: Moment) -> dict[str, Any]:
    """When the target was first reached, if it was by this moment."""
    if member.epochs_to_target is None or member.epochs_to_target > moment.epochs:
        return {}
    return {"epochs/to_target": member.epochs_to_target, "seconds/to_target": member.seconds_to_target}
