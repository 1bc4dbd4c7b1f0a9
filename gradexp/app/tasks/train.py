"""Fit a model, from the start or from a checkpoint, then test the best one once."""

import logging
import time
from pathlib import Path
from typing import Any, TypeVar

from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.model_helpers import is_overridden
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.adapt import adapt
from gradexp.app.tasks.outcome import Outcome, facts, logged, root_errors
from gradexp.callbacks import Diverged, Report
from gradexp.configuration.values import flat, plain
from gradexp.engine.checkpoint_file import check_architecture, read_checkpoint
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.fit_clock import FitClock
from gradexp.engine.threads import Threads
from gradexp.files import write_atomically
from gradexp.models import AbstractModule
from gradexp.objective.optimizers import class_name
from gradexp.objective.schedules import is_laid_out
from gradexp.reports.curves import curves
from gradexp.reports.diagnosis import TAGS, Diagnosis, diagnose
from gradexp.reports.hparams import hyperparameters, write_hparams
from gradexp.rules import did_you_mean

T = TypeVar("T")
log = logging.getLogger(__name__)


def train(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Fit, and test best.ckpt.

    Args:
        cfg: The configuration; with `ckpt_path` the fit goes on from there.
        record: The run's record.
        console: Where the progress bar is drawn.

    Raises:
        ValueError: The configuration, the data or the checkpoint is not usable.
    """
    checkpoint = read_checkpoint(cfg.ckpt_path) if cfg.ckpt_path else None
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_data(cfg)
    cfg, notes = adapt(cfg, data)
    model = build_model(cfg, data)
    _check_monitor(cfg, model)
    step = 0
    if checkpoint is not None:
        check_architecture(checkpoint, model, cfg.ckpt_path)
        _check_schedule(cfg, checkpoint)
        step = checkpoint["global_step"]
        notes.append(f"resumed from step {step:,} of {cfg.ckpt_path}")
    trainer = build_trainer(cfg, record.folder, data, model, console, purge_step=step + 1 if step else None)
    checkpoints, clock = _callback(trainer, Checkpoints), _callback(trainer, FitClock)
    if checkpoint is not None:
        _bring_best(Path(cfg.ckpt_path), checkpoints.best_path)
    record.write(cfg)
    text = OmegaConf.to_yaml(cfg, resolve=True)
    log.info("configuration\n%s", text)
    log.info("network\n%s", getattr(model, "network", model))
    if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero:
        trainer.logger.experiment.add_text("config", f"```yaml\n{text}```")

    metrics: dict[str, Any] = {"status": "completed"}
    try:
        trainer.fit(model, datamodule=data, ckpt_path=cfg.ckpt_path, weights_only=True)
    except Diverged as diverged:
        metrics |= {"status": "diverged", "reason": str(diverged)}
        notes.append(f"diverged: {diverged}; the last good state is {checkpoints.last_path}")
        notes.append(f"a smaller optimizer.lr{_rate(cfg)} or trainer.gradient_clip_val=1 may help")
    except SystemExit as end:  # how Lightning leaves a fit after Ctrl-C
        if trainer.interrupted and checkpoints.last_path.is_file():
            raise SystemExit(f"interrupted; it goes on with ckpt_path={checkpoints.last_path}") from end
        raise
    metrics |= checkpoints.metrics
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # set from outside its class
    for report in callbacks:
        if isinstance(report, Report):
            metrics |= report.metrics
            notes += report.notes
    if checkpoints.best_score is not None:
        metrics[f"best/{checkpoints.monitor}"] = checkpoints.best_score  # of best.ckpt, the one that is tested
    metrics |= {"monitor": checkpoints.monitor, "monitor_mode": checkpoints.mode}
    if checkpoints.monitor != cfg.monitor:
        notes.append(f"the module logs no {cfg.monitor}: best.ckpt goes by {checkpoints.monitor}")
    elif checkpoints.goes_by_none:
        notes.append(f"the module logs no {cfg.monitor}: best.ckpt is the last epoch's")
    elif checkpoints.best_score is None:
        notes.append(f"{cfg.monitor} was never measured: best.ckpt is the last state")
    metrics |= {"epochs": trainer.current_epoch, "steps": trainer.global_step, "seconds/fit": clock.seconds}
    metrics["threads"] = _callback(trainer, Threads).number
    if cfg.threads not in ("auto", metrics["threads"]):
        notes.append(f"threads={cfg.threads} has no effect: OMP_NUM_THREADS is {metrics['threads']}")
    has_test = is_overridden("test_step", model)
    if cfg.test and not has_test:
        notes.append(f"nothing is tested: {type(model).__name__} has no test_step")
    if metrics["status"] == "completed" and cfg.test and has_test:
        started = time.perf_counter()
        model.load_state_dict(read_checkpoint(str(checkpoints.best_path))["state_dict"])
        trainer.test(model, datamodule=data, verbose=False)
        metrics |= logged(trainer) | {"seconds/test": time.perf_counter() - started}
    metrics |= root_errors(metrics, data) | facts(data, model)
    diagnosis = _diagnosis(cfg, record.folder, trainer, metrics)
    if diagnosis is not None:
        metrics["diagnosis"] = diagnosis.kind
        notes.append(str(diagnosis))
    _fill_hparams(cfg, trainer, metrics)
    return Outcome(metrics, [*data.notes, *notes])


def _diagnosis(cfg: DictConfig, folder: Path, trainer: Trainer, metrics: dict[str, Any]) -> Diagnosis | None:
    """From the event files, which hold all of a resumed run too."""
    if not isinstance(trainer.logger, TensorBoardLogger) or not trainer.is_global_zero:
        return None
    trainer.logger.experiment.flush()
    return diagnose(metrics, curves(folder, TAGS), flat(plain(cfg)))


def _check_monitor(cfg: DictConfig, model: LightningModule) -> None:
    """Of our models it is known before the first step what they log; callbacks may log more."""
    if isinstance(model, AbstractModule) and not cfg.callbacks:
        known = model.names_in(cfg.monitor.partition("/")[0])
        if cfg.monitor not in known:
            raise ValueError(
                f"monitor must be one of {', '.join(known)}; got {cfg.monitor!r}.{did_you_mean(cfg.monitor, known)}"
            )


def _rate(cfg: DictConfig) -> str:
    return f" (now {cfg.optimizer.lr:g})" if "lr" in cfg.optimizer else ""


def _check_schedule(cfg: DictConfig, checkpoint: dict[str, Any]) -> None:
    saved = checkpoint["config"]["trainer"]
    for key in ("max_epochs", "max_steps"):
        if cfg.trainer[key] != saved[key] and is_laid_out(plain(cfg)["scheduler"], cfg.trusted_packages):
            name = class_name(plain(cfg)["scheduler"])
            raise ValueError(
                f"trainer.{key} must stay {saved[key]} when {name} is resumed, whose rates are laid out "
                f"over the whole fit; got {cfg.trainer[key]}. Train anew, or resume a run with another scheduler."
            )


def _bring_best(resumed_from: Path, best_path: Path) -> None:
    """A run that resumes in another folder takes the best state so far with it."""
    best = resumed_from.parent / "best.ckpt"
    if best.is_file() and not best_path.exists():
        write_atomically(best_path, best.read_bytes())


def _callback(trainer: Trainer, kind: type[T]) -> T:
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # set from outside its class
    return next(callback for callback in callbacks if isinstance(callback, kind))


def _fill_hparams(cfg: DictConfig, trainer: Trainer, metrics: dict[str, Any]) -> None:
    if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero:
        stages = ("train_", "val_", "test_")  # so some people's own modules begin the names of metrics
        final = {k: v for k, v in metrics.items() if isinstance(v, float) and ("/" in k or k.startswith(stages))}
        settings = hyperparameters(plain(cfg), metrics["data"])
        write_hparams(trainer.logger.experiment, settings, final, trainer.global_step)
        trainer.logger.finalize("success")
