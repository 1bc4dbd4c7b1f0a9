"""Fits a model from the start or from a checkpoint, then tests its best state once."""

import time
from typing import Any, TypeVar

from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.model_helpers import is_overridden
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.initial_state import set_initial_state
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks import cards
from gradexp.app.tasks.adapt import adapt, check_monitor
from gradexp.app.tasks.found_settings import FoundSettings, without_tuners
from gradexp.app.tasks.measure import choose_averages, measure_training_samples
from gradexp.app.tasks.outcome import Outcome, coarse_score, facts, root_errors
from gradexp.app.tasks.restore import Restored
from gradexp.app.tasks.resume import Resumption, resumption
from gradexp.app.vectorized.trained import Trained, adopt, current
from gradexp.callbacks import Diverged, Report
from gradexp.configuration.values import flat, plain
from gradexp.data import AbstractDataModule
from gradexp.engine.batch_norm import is_too_small
from gradexp.engine.checkpoint_content import not_finite
from gradexp.engine.checkpoint_file import check_architecture, guard_restoring, read_checkpoint, restoring
from gradexp.engine.checkpoints import Checkpoints, logged
from gradexp.engine.event_files import EventFiles
from gradexp.engine.fit_clock import FitClock
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.engine.optimizer_state import state_bytes
from gradexp.engine.threads import Threads
from gradexp.reports.correct_samples import keep_correct
from gradexp.reports.curves import curves
from gradexp.reports.diagnosis import TAGS, diagnose

T = TypeVar("T")


def train(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Fit, and test best.ckpt.

    Args:
        cfg: The configuration; if it has a `ckpt_path`, the fit resumes from that checkpoint.
        record: The run's record.
        console: Where the progress bar is drawn.

    Raises:
        ValueError: The configuration, the data or the checkpoint is not usable.
    """
    trained = current.get()
    checkpoint = read_checkpoint(cfg.ckpt_path) if cfg.ckpt_path else None
    if trained is None:
        seed_everything(cfg.seed, workers=True, verbose=False)
        data = build_data(cfg)
        cfg, notes = adapt(cfg, data)
        model = build_model(cfg, data)
        notes += set_initial_state(cfg, model)
    else:
        prepared = trained.prepared
        cfg, notes, data, model = prepared.cfg, prepared.notes, prepared.data, prepared.model
    check_monitor(cfg, model)
    resumed = None
    if checkpoint is not None:
        with restoring(cfg.ckpt_path):
            resumed = resumption(plain(cfg), checkpoint, model)
        check_architecture(checkpoint, model, cfg.ckpt_path)
        notes += resumed.notes
    trainer = build_trainer(cfg, record.folder, data, model, console, resumed.purge_step if resumed else None)
    checkpoints = _callback(trainer, Checkpoints)
    if resumed is not None:
        guard_restoring(trainer, dict(resumed.checkpoint), cfg.ckpt_path, plain(cfg))
        notes += not_finite(resumed.checkpoint["state_dict"])
        resumed.begin(trainer, checkpoints)
        without_tuners(trainer)
    found = FoundSettings(cfg, record, checkpoints)
    callbacks_of(trainer).append(found)
    try:
        record.write(cfg)
        cards.begin(cfg, trainer, model, resumed)
        metrics = _fit(cfg, trainer, model, data, notes, trained)
    except BaseException:
        record.has_stepped = trainer.global_step > 0
        if resumed is not None and not checkpoints.has_saved:
            _undo(record, trainer)
        raise
    record.has_stepped = True
    if isinstance(trainer.logger, EventFiles) and trainer.is_global_zero:
        trainer.logger.end_rewind()
    cfg = found.cfg
    notes += found.notes
    if metrics["status"] == "completed":
        choose_averages(trainer, model, data, checkpoints)
    metrics |= _fit_metrics(cfg, trainer, resumed, notes)
    if metrics["status"] == "completed":
        model.load_state_dict(read_checkpoint(str(checkpoints.best_path))["state_dict"])
        metrics |= measure_training_samples(trainer, model, data)
    is_tested = cfg.test and metrics["status"] == "completed" and is_overridden("test_step", model)
    if is_tested:
        metrics |= _test(trainer, model, data)
    elif cfg.test and not is_overridden("test_step", model):
        notes.append(f"nothing is tested: {type(model).__name__} has no test_step")
    metrics |= root_errors(metrics, data) | facts(data, model)
    if not is_tested:  # other jobs of a stack may have loaded the test part
        metrics.pop("samples/test", None)
    notes += coarse_score(metrics)
    if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero:
        trainer.logger.experiment.flush()
        # From the event files, which also hold the earlier part of a resumed run.
        diagnosis = diagnose(metrics, curves(record.folder, TAGS), flat(plain(cfg)))
        if diagnosis is not None:
            metrics["diagnosis"] = diagnosis.kind
            notes.append(str(diagnosis))
        cards.end(cfg, trainer, model, metrics)
    return Outcome(metrics, [*data.notes, *notes], Restored(data, model, trainer, trainer.global_step))


def _undo(record: RunRecord, trainer: Trainer) -> None:
    """Leave a run's folder as it was before a resume that failed before its first step."""
    record.undo()
    if isinstance(trainer.logger, EventFiles) and trainer.is_global_zero:
        trainer.logger.undo()


def _fit(
    cfg: DictConfig,
    trainer: Trainer,
    model: LightningModule,
    data: AbstractDataModule,
    notes: list[str],
    trained: Trained | None,
) -> dict[str, Any]:
    """Fit; return the status as metrics. Advice for a diverged fit is appended to `notes`."""
    last = _callback(trainer, Checkpoints).last_path
    try:
        if trained is None:
            trainer.fit(model, datamodule=data, ckpt_path=cfg.ckpt_path, weights_only=True)
        else:
            adopt(trained, trainer)
    except Diverged as diverged:
        rate = f" (now {cfg.optimizer.lr:g})" if "lr" in cfg.optimizer else ""
        notes.append(f"diverged: {diverged}; the last good state is {last}")
        notes.append(f"a smaller optimizer.lr{rate} or trainer.gradient_clip_val=1 may help")
        return {"status": "diverged", "reason": str(diverged)}
    except ValueError as error:
        if is_too_small(error):
            raise ValueError(
                "data.batch_size must leave more than one sample in every batch, for batch norm; got "
                f"{cfg.data.get('batch_size')}, with a batch of one."
            ) from error
        raise
    return {"status": "completed"}


def _fit_metrics(cfg: DictConfig, trainer: Trainer, resumed: Resumption | None, notes: list[str]) -> dict[str, Any]:
    """The metrics of the fit, those of the reports included; remarks are appended to `notes`."""
    checkpoints = _callback(trainer, Checkpoints)
    metrics: dict[str, Any] = dict(checkpoints.metrics)
    for report in callbacks_of(trainer):
        if isinstance(report, Report):
            metrics |= report.metrics
            notes += report.notes
    best = checkpoints.best
    if best is not None:
        metrics |= {"best/epoch": best.epoch, "best/step": best.step}
        metrics |= {f"best/{name}": value for name, value in best.metrics.items()}
    if checkpoints.monitor != cfg.monitor:
        notes.append(f"the module logs no {cfg.monitor}: {checkpoints.monitor} selects best.ckpt")
    elif checkpoints.goes_by_none:
        notes.append(f"the module logs no {cfg.monitor}: best.ckpt is the state after the last epoch")
    elif best is None or best.score is None:
        notes.append(f"{cfg.monitor} was never measured: best.ckpt is the last state")
    threads = _callback(trainer, Threads).number
    if cfg.threads not in ("auto", threads):
        reason = f"OMP_NUM_THREADS is {threads}" if current.get() is None else f"a stack of jobs has {threads}"
        notes.append(f"threads={cfg.threads} has no effect: {reason}")
    return metrics | {
        "monitor": checkpoints.monitor,
        "monitor_mode": checkpoints.mode,
        # In a checkpoint of an epoch that `max_steps` cut, that epoch counts; as Lightning loads it, it does not.
        "epochs": max(trainer.current_epoch, resumed.checkpoint["epoch"] if resumed else 0),
        "steps": trainer.global_step,
        "seconds/fit": _callback(trainer, FitClock).seconds,
        "threads": threads,
        "bytes/optimizer_state": state_bytes(trainer.optimizers),
        **({"resumed": resumed.record} if resumed and resumed.record else {}),
    }


def _test(trainer: Trainer, model: LightningModule, data: AbstractDataModule) -> dict[str, float]:
    """Measure the model on the test part."""
    started = time.perf_counter()
    keep_correct(trainer, data, model)
    trainer.test(model, datamodule=data, verbose=False)
    return logged(trainer) | {"seconds/test": time.perf_counter() - started}


def _callback(trainer: Trainer, kind: type[T]) -> T:
    return next(callback for callback in callbacks_of(trainer) if isinstance(callback, kind))
