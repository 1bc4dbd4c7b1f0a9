"""A fit that resumes from a checkpoint: what may have changed, when nothing is left to train, and how it begins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from gradexp.app.tasks.resume_changes import changes
from gradexp.app.tasks.resume_end import how_to_go_on, is_stopped, reached_limit
from gradexp.app.tasks.resume_rules import ABSENT, Change, Fit, verdict
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.lightning_internals import callbacks_of, epochs_done, is_within_epoch
from gradexp.files import write_atomically
from gradexp.models import AbstractModule
from gradexp.objective.optimizers import class_name
from gradexp.objective.resumed_states import set_optimizer_number, set_rate, set_schedule_number
from gradexp.objective.schedules import LENGTHS, is_laid_out
from gradexp.sweeps.plan.axes import text

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Resumption:
    """A fit that resumes.

    Attributes:
        ckpt_path: Where from.
        checkpoint: Its content.
        changes: The changed settings that take effect from its step on and alter what is learned.
        end: Why nothing is left to train; "" if something is.
        is_stopped: Whether that is because the fit was stopped before its last epoch and step.
    """

    ckpt_path: str
    checkpoint: Config
    changes: list[Change]
    end: str
    is_stopped: bool

    @property
    def step(self) -> int:
        step: int = self.checkpoint["global_step"]
        return step

    @property
    def purge_step(self) -> int:
        """The first step whose logged values the fit replaces."""
        return self.step + 1 if self.step else 0

    @property
    def record(self) -> list[dict[str, Any]]:
        """Each change of this and of the earlier resumes: its step, key, old and new value; an absent one is None."""
        new = [{name: None if v == ABSENT else v for name, v in vars(change).items()} for change in self.changes]
        return [*self.checkpoint.get("resumed", []), *({"step": self.step, **one} for one in new)]

    @property
    def notes(self) -> list[str]:
        """Lines for the summary."""
        found = [f"resumed from step {self.step:,} of {self.ckpt_path}"]
        found += [
            f"{change.key} is {text(change.new)} from step {self.step:,} on, instead of {text(change.old)}"
            for change in self.changes
        ]
        return [*found, f"nothing was left to train: {self.end}"] if self.end else found

    def begin(self, trainer: Trainer, checkpoints: Checkpoints) -> None:
        """Prepare a trainer and its checkpoints; a fit that resumes in another folder brings the best state so far."""
        processes, saved = trainer.num_devices * trainer.num_nodes, self.checkpoint.get("processes")
        if saved not in (None, processes) and not self.end:
            raise ValueError(
                f"trainer.devices must stay {saved} when a run is resumed, because each process takes its share of "
                f"every batch; got {processes}. Type trainer.devices={saved}, or leave ckpt_path out to train anew."
            )
        callbacks_of(trainer).append(Restore(self.changes, self.is_stopped))
        checkpoints.resumed = self.record
        if Path(self.ckpt_path).resolve() == checkpoints.last_path.resolve():
            checkpoints.kept_step = self.step
        best = Path(self.ckpt_path).parent / "best.ckpt"
        if best.is_file() and not checkpoints.best_path.exists():
            write_atomically(checkpoints.best_path, best.read_bytes())


class Restore(Callback):
    """Puts changed settings into the states of the checkpoint, which Lightning loads over what was built from them.

    Args:
        changes: The changed settings.
        is_stopped: Whether the fit ended early, so that it must end before its first step.
    """

    def __init__(self, changes: list[Change], is_stopped: bool) -> None:
        self.changes = changes
        self.is_stopped = is_stopped

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        optimizers, schedules, callbacks = (checkpoint[k] for k in ("optimizer_states", "lr_schedulers", "callbacks"))
        for change in self.changes:
            section, _, name = change.key.partition(".")
            if change.key == "optimizer.lr":
                set_rate(optimizers, schedules, change.old, change.new)
            elif section == "optimizer":
                set_optimizer_number(optimizers, name, change.old, change.new)
            elif section == "scheduler":
                set_schedule_number(schedules, name, change.new)
            elif section == "target_score":
                callbacks.pop("TimeToTarget", None)  # the time until the other target
        for callback in callbacks_of(trainer):
            if isinstance(callback, EarlyStopping) and callback.state_key in callbacks:
                callbacks[callback.state_key]["patience"] = callback.patience

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop |= self.is_stopped


def resumption(config: Config, checkpoint: Config, model: LightningModule) -> Resumption:
    """How a fit resumes with a configuration, as plain data, that may differ from the checkpoint's.

    Raises:
        ValueError: A setting must stay as it was, or has no effect.
    """
    ckpt_path, is_ours = config["ckpt_path"], isinstance(model, AbstractModule)
    _check_is_last(checkpoint, ckpt_path)
    fit = _fit(config, checkpoint, is_ours)
    found = changes(checkpoint["config"], config)
    verdicts = [(change, *verdict(fit, change)) for change in found]
    refused = [(change, reason) for change, reason, _ in verdicts if reason]
    if refused:
        raise ValueError(_refusal(refused))
    _check_limits(config, checkpoint)
    stopped = is_stopped(config, checkpoint, found)
    limit = reached_limit(config, checkpoint)
    end = f"{limit} is reached" if limit else "the fit was stopped early" * stopped
    listed = [change for change, _, is_listed in verdicts if is_listed]
    if end and listed:
        change = listed[0]
        raise ValueError(
            f"{change.key} has no effect: nothing is left to train, as {end}; got {change.key}={text(change.new)}. "
            f"{how_to_go_on(config, checkpoint, fit.laid_out, stopped)}"
        )
    return Resumption(ckpt_path, checkpoint, listed, end, stopped)


def refusal(config: Config, checkpoint: Config, is_ours: bool, is_asked: Callable[[str], bool]) -> str:
    """Why a fit cannot resume with a configuration, by those of its changed keys that are asked for; "" if it can."""
    fit = _fit(config, checkpoint, is_ours)
    found = [change for change in changes(checkpoint["config"], config) if is_asked(change.key)]
    refused = [(change, reason) for change in found if (reason := verdict(fit, change)[0])]
    return _refusal(refused) if refused else ""


def _fit(config: Config, checkpoint: Config, is_ours: bool) -> Fit:
    return Fit(config, checkpoint, _laid_out(config, checkpoint, is_ours), is_ours, is_within_epoch(checkpoint))


def _check_is_last(checkpoint: Config, ckpt_path: str) -> None:
    """Check that the optimizer's state in the checkpoint belongs to the weights in it."""
    step = checkpoint.get("weights_step")
    if step is not None:
        raise ValueError(
            f"ckpt_path must be last.ckpt to resume this run; got {ckpt_path}, whose weights are those of step "
            f"{step:,}, and its optimizer's state that of step {checkpoint['global_step']:,}."
        )


def _laid_out(config: Config, checkpoint: Config, is_ours: bool) -> str:
    """The class of a schedule over the whole fit; that of another package's module is seen by its state alone."""
    if is_ours:
        schedule = config["scheduler"]
        return class_name(schedule) if is_laid_out(schedule, config["trusted_packages"]) else ""
    states = checkpoint.get("lr_schedulers", ())
    return "the module's own schedule" if any(name in state for state in states for name in LENGTHS) else ""


def _refusal(refused: list[tuple[Change, str]]) -> str:
    change, reason = refused[0]
    others = [other.key for other, _ in refused[1:]]
    also = f" So must {', '.join(others)}." if others else ""
    return (
        f"{change.key} must stay {text(change.old)} when a run is resumed, {reason}; got {text(change.new)}.{also} "
        "Leave it out, or the option that sets it, to resume with the saved value; leave ckpt_path out to train anew."
    )


def _check_limits(config: Config, checkpoint: Config) -> None:
    """Check that the fit has not gone beyond its last epoch or step."""
    begun = epochs_done(checkpoint) + is_within_epoch(checkpoint)
    for key, reached in (("trainer.max_epochs", begun), ("trainer.max_steps", checkpoint["global_step"])):
        limit = config["trainer"][key.partition(".")[2]]
        if -1 < limit < reached:
            raise ValueError(
                f"{key} must be at least {reached}, which the run has reached; got {limit}. To use the model as it is, "
                f"type task=test ckpt_path={text(config['ckpt_path'])}."
            )
