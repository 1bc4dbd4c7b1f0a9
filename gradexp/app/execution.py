"""Runs the task of a configuration inside a Hydra job, alone or in a sweep."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app import spinner
from gradexp.app.continuation import Continuation
from gradexp.app.errors import SIZES, is_of_memory
from gradexp.app.figure_files import figure_files
from gradexp.app.hydra_keys import check_job_folder, check_same_job
from gradexp.app.importing import import_tasks
from gradexp.app.job_command import job_options, job_overrides
from gradexp.app.keyboard_interrupts import keyboard_interrupts
from gradexp.app.log_file import check_log_writes, log_kept_if
from gradexp.app.run_record import RunRecord, check_direction, in_multirun, is_first_process
from gradexp.app.saved_config import with_checkpoint
from gradexp.configuration.check import check_config
from gradexp.configuration.environment import environment
from gradexp.configuration.hashes import asked_hash, config_hash
from gradexp.configuration.values import as_typed, changed, plain
from gradexp.files import RESUME, write_json
from gradexp.interrupts import begin_work, command, received
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch import joblib_workers, own_gpu
from gradexp.sweeps.launch.own_process import is_own_process, needs_own_process, run_alone
from gradexp.sweeps.launch.resources import gpu_count
from gradexp.sweeps.launch.start_method import restore_start_method
from gradexp.sweeps.plan.manifest import Manifest

if TYPE_CHECKING:  # these take seconds to import
    import polars as pl
    from lightning.pytorch import LightningModule

PRINTING_TASKS = ("report", "explain", "compare")  # they print their own results
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        metrics: The content of metrics.json: "status", every final metric, "seconds/fit", "data", and so on.
        folder: The run's folder.
        notes: What the user should know, such as why the run ended early.
        module: The trained module, with the weights that are tested: those of best.ckpt, or of `ckpt_path` in a task
            that does not train. It is in evaluation mode, on the CPU, and belongs to no Trainer. None if the run
            diverged (last.ckpt has the last good state) or the task has no module.
        predictions: Of the test part, or of `input`: the rows of predictions.csv. None unless asked for.
    """

    metrics: dict[str, Any]
    folder: Path
    notes: list[str] = field(default_factory=list)
    module: "LightningModule | None" = field(default=None, repr=False)
    predictions: "pl.DataFrame | None" = field(default=None, repr=False)


def execute(cfg: DictConfig, predictions: bool = False) -> Result:
    """Run the task of a configuration; metrics.json in the job's folder records success and failure alike.

    Args:
        cfg: The configuration.
        predictions: Whether a single run also predicts for the test part.
    """
    OmegaConf.set_readonly(cfg, True)
    folder = Path(HydraConfig.get().runtime.output_dir)
    check_log_writes(folder)
    if cfg.task == "report":
        check_config(cfg)
        from gradexp.app.tasks.report import report

        return Result(report(cfg, Console()), folder)
    record = RunRecord(folder, cfg)
    if in_multirun():
        begin_work()
        return _execute_in_sweep(cfg, record)
    continuation = Continuation(record)
    begin_work(continuation)
    resumed_from = cfg.ckpt_path if record.is_resumed else None
    # The other processes of a DDP run share the first one's folder.
    with record.discarded_if_interrupted(), _lock_run(folder, resumed_from):
        try:
            with log_kept_if(lambda: record.is_unchanged and is_first_process(), folder):
                return _run_task(cfg, record, None, predictions)
        except Exception as error:
            overrides = continuation.overrides()
            if overrides is not None:  # said with errors of the disk, which the checkpoint outlives
                error.add_note(f"{RESUME} {command(*overrides)}")
            record.discard()
            raise


def _lock_run(folder: Path, resumed_from: str | None) -> AbstractContextManager[object]:
    """The lock of a single run, taken by its first process, which Lightning knows."""
    import_tasks()
    return job_folder.lock_run(folder, resumed_from) if is_first_process() else nullcontext()


def score_to_optimize(task: str, metrics: Mapping[str, Any]) -> float | None:
    """The monitored metric, for sweepers that optimise it.

    None for tasks without one, and for a diverged job, which has no score whatever it measured before.
    """
    if task in PRINTING_TASKS or metrics["status"] != "completed":
        return None
    check_direction(metrics["monitor"], metrics["monitor_mode"])
    return job_folder.score(metrics)


def _execute_in_sweep(cfg: DictConfig, record: RunRecord) -> Result:
    """Run a job in this process, or in processes of its own if it needs several."""
    folder, job = record.folder, HydraConfig.get()
    joblib_workers.tie()
    if not is_own_process(folder):
        check_job_folder(folder, job)
    job_folder.mark_started(folder)
    if is_own_process(folder):
        return _execute_job(cfg, record)
    launcher = str(job.launcher._target_)
    gpus = 1 if own_gpu.divides(launcher) else gpu_count(cfg.trainer.accelerator)
    if needs_own_process(plain(cfg.trainer), gpus):
        job_folder.check_not_stopped(folder)
        return Result(run_alone(folder, job_overrides(job), job_options(job), job.runtime.cwd), folder)
    own_gpu.claim(folder.parent, launcher)
    restore_start_method()
    return _execute_job(cfg, record)


def _execute_job(cfg: DictConfig, record: RunRecord) -> Result:
    """Skip a finished job, resume an interrupted one, and lock the job's folder against other processes."""
    folder = record.folder
    import_tasks()
    # The further processes of a job with several share the first one's folder.
    with job_folder.lock(folder) if is_first_process() else nullcontext():
        sweep = Manifest.of_job(folder)  # None if the sweeper is not gradexp's grid
        job_folder.check_not_stopped(folder)
        asked = sweep.key(folder.name) if sweep else None
        done = job_folder.outcome(folder)
        if done is not None and job_folder.is_done(folder) and (sweep or done.get("asked_hash") == asked_hash(cfg)):
            return Result(done, folder)
        if sweep is None:
            check_same_job(folder, HydraConfig.get(), done, asked_hash(cfg))
        last = job_folder.last_checkpoint(folder) if sweep and cfg.task == "train" else None
        if last is not None:
            cfg = changed(cfg, {"ckpt_path": last})
        try:
            return _run_task(cfg, record, asked)
        except Exception:
            if sweep and sweep.on_failure == "stop":
                job_folder.stop_sweep(folder)
            raise


def _run_task(cfg: DictConfig, record: RunRecord, asked: str | None, predictions: bool = False) -> Result:
    """Run the task and write metrics.json.

    Args:
        cfg: The configuration.
        record: Where the configuration that runs is recorded.
        asked: The hash that identifies the job in the sweep's manifest; None if there is no manifest.
        predictions: Whether to predict for the test part in the end.
    """
    job, folder = HydraConfig.get(), record.folder
    try:
        typed = as_typed(job.overrides.task)
        check_config(cfg, typed)
        from gradexp.app.tasks import TASKS
        from gradexp.engine.threads import threads_of_one_run

        if cfg.ckpt_path is not None:
            # A job of a sweep goes on as it began, with what a callback has found before its fit.
            goes_on = in_multirun() and cfg.ckpt_path == job_folder.last_checkpoint(folder)
            cfg = with_checkpoint(cfg, job, goes_on)
        if cfg.figures == "auto":
            # In a sweep, figures would take longer than a small job itself.
            cfg = changed(cfg, {"figures": not in_multirun()})
        spinner.show(f"task={cfg.task}") if cfg.progress else spinner.hide()
        with threads_of_one_run(), figure_files(cfg), keyboard_interrupts():
            outcome = TASKS[cfg.task](cfg, record, Console(stderr=True))
    except Exception as error:
        if received():
            raise KeyboardInterrupt from error  # which the interruption became in a library; the run has not failed
        if cfg.ckpt_path is not None and is_of_memory(error):
            sizes = [f"{key}={size}" for key in SIZES if (size := OmegaConf.select(cfg, key)) is not None]
            error.add_note(f"Got {', '.join(sizes)}; what was not typed of these is from {cfg.ckpt_path}.")
        with suppress(OSError):  # where the disk is full, nothing can be recorded either
            _record_failure(record, error)
        raise
    ran = record.ran
    assert ran is not None, "each task records the configuration that runs"
    known = {"monitor": ran.monitor, "monitor_mode": ran.monitor_mode, "seed": ran.seed}
    hashes = {
        "config_hash": config_hash(ran, outcome.metrics.get("resumed")),
        "asked_hash": asked or asked_hash(record.asked),
    }
    metrics = known | outcome.metrics | hashes | environment(Path(job.runtime.cwd))
    if cfg.report and is_first_process():
        from gradexp.app.tasks.report import peak_memory, report_at_end

        metrics |= peak_memory()
    _write_metrics(folder, metrics)
    log.info("%s", metrics)
    frame, notes = outcome.predictions, outcome.notes
    if cfg.report and is_first_process():
        notes = [*notes, *report_at_end(folder, outcome.restored, cfg)]
    if predictions and frame is None and outcome.restored is not None and metrics["status"] == "completed":
        from gradexp.app.tasks.predict import predict_test_part

        if metrics.get("samples/test"):
            with threads_of_one_run():
                frame = predict_test_part(outcome.restored)
        else:
            notes = [*notes, "nothing is predicted: the data has no test part"]
    return Result(metrics, folder, notes, outcome.module, frame)


def _record_failure(record: RunRecord, error: Exception) -> None:
    # A failed attempt to resume must not replace the metrics of a completed run.
    is_completed = (job_folder.outcome(record.folder) or {}).get("status") == "completed"
    # A resume that fails before its first step leaves the folder as it was.
    is_unchanged = record.is_unchanged
    if record.ran is None and not is_unchanged and not is_completed:
        record.write_asked()
    if not is_completed and not is_unchanged:
        where = environment(Path(HydraConfig.get().runtime.cwd))
        _write_metrics(record.folder, {"status": "failed", "reason": str(error), **where})
        if record.ran is not None and record.ran.report and is_first_process():
            from gradexp.app.tasks.report import report_at_end

            report_at_end(record.folder, None, record.ran)


def _write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    if is_first_process():
        write_json(folder / job_folder.METRICS, metrics)
