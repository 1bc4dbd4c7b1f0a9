"""From a configuration to metrics: what the command line and Python call."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.composition import compose, with_overrides
from gradexp.app.errors import explain, traceback_wanted
from gradexp.app.run_record import RunRecord, check_direction, is_first_process
from gradexp.app.section_loader import class_sections
from gradexp.configuration.check import check_config
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.hashes import asked_hash, config_hash
from gradexp.configuration.values import changed
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch import own_gpu
from gradexp.sweeps.plan.manifest import Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What a run leaves.

    Attributes:
        metrics: The content of metrics.json: "status", every final metric, "seconds/fit", "data", and so on.
        folder: The run's folder.
        notes: What the user should know, such as why the run ended early.
    """

    metrics: dict[str, Any]
    folder: Path
    notes: list[str] = field(default_factory=list)


def run(*overrides: str) -> Result:
    """Do from Python what `python -m gradexp OVERRIDES` does: one job, also of an experiment that is a multirun.

    >>> result = run("+experiment=mnist", "optimizer.lr=0.1")  # doctest: +SKIP
    >>> result.metrics["test/accuracy"]  # doctest: +SKIP

    Raises:
        ValueError: A value breaks its rule.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    compose(*overrides)  # raises here what the command line prints
    results: list[Result] = []
    with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        job = hydra.run(
            config_name="config",
            task_function=lambda cfg: results.append(execute(cfg)),
            overrides=[*overrides, "hydra.mode=RUN", "~hydra.callbacks.check_before_run"],
        )
        _ = job.return_value  # raises the error of a run that failed
    return results[0]


def main(cfg: DictConfig) -> float | None:
    """Hydra's task function: run, print the summary, return the monitored metric for sweepers that optimise it."""
    from gradexp.app.summary import print_job, print_summary

    try:
        result = execute(cfg)
    except Exception as error:
        if _in_multirun():
            if not isinstance(error, job_folder.SweepStopped):
                folder = Path(HydraConfig.get().runtime.output_dir)
                reason = {"status": "failed", "reason": str(error)}
                print_job(Console(), reason, _shortest(folder), _told(folder))
            raise
        message = explain(error)
        if message is None or traceback_wanted():
            raise
        raise SystemExit(message) from error  # past Hydra, which would add a line of its own
    if cfg.task in ("report", "explain"):  # which print their own
        return None
    if _in_multirun():
        print_job(Console(), result.metrics, _shortest(result.folder), _told(result.folder))
    elif is_first_process():
        print_summary(Console(), result.metrics, _shortest(result.folder), result.notes)
    is_bad = result.metrics["status"] == "diverged" or result.metrics.get("checks/failed")
    if is_bad and not _in_multirun():
        raise SystemExit(1)
    if result.metrics["status"] == "completed":
        check_direction(result.metrics["monitor"], result.metrics["monitor_mode"])
    # To a search, a job that diverged has no score, whatever it had before.
    return result.metrics.get(result.metrics["monitor"]) if result.metrics["status"] == "completed" else None


def execute(cfg: DictConfig) -> Result:
    """Run the task of a configuration inside a Hydra job; leaves metrics.json in the job's folder, whatever happens."""
    OmegaConf.set_readonly(cfg, True)
    folder = Path(HydraConfig.get().runtime.output_dir)
    if cfg.task == "report":
        from gradexp.sweeps.report.run_report import is_run, report_run
        from gradexp.sweeps.report.write_report import write_report

        check_config(cfg)
        if is_run(Path(cfg.sweep_dir)):
            report_run(Path(cfg.sweep_dir), Console())
            return Result({"status": "completed"}, folder)
        jobs = write_report(Path(cfg.sweep_dir), Console())
        return Result({"status": "completed", **{f"jobs/{status}": count for status, count in jobs.items()}}, folder)
    record = RunRecord(folder, cfg)
    return _execute_in_sweep(cfg, record) if _in_multirun() else _execute(cfg, record, asked=None)


def _execute_in_sweep(cfg: DictConfig, record: RunRecord) -> Result:
    """What is done is not done again, what is half done goes on; no two processes work on one job."""
    folder = record.folder
    job_folder.mark_started(folder)
    own_gpu.claim(folder.parent, str(HydraConfig.get().launcher._target_))
    with job_folder.lock(folder):
        sweep = Manifest.read(folder.parent)  # None under another sweeper than ours
        job_folder.check_not_stopped(folder)
        asked = sweep.key(folder.name) if sweep else None
        done = job_folder.outcome(folder)
        if done is not None and job_folder.is_done(folder) and (sweep or done.get("asked_hash") == asked_hash(cfg)):
            return Result(done, folder)
        last = job_folder.last_checkpoint(folder) if sweep and cfg.task == "train" else None
        if last is not None:
            cfg = changed(cfg, {"ckpt_path": last})
        try:
            return _execute(cfg, record, asked)
        except Exception:
            if sweep and sweep.on_failure == "stop":
                job_folder.stop_sweep(folder)
            raise


def _execute(cfg: DictConfig, record: RunRecord, asked: str | None) -> Result:
    """Run the task.

    Args:
        cfg: The configuration.
        record: Where the configuration that runs is written down.
        asked: The hash by which a sweep's manifest knows the job; None where there is no manifest.
    """
    job, folder = HydraConfig.get(), record.folder
    try:
        typed = list(job.overrides.task)
        check_config(cfg, typed)
        # Only now what costs seconds: torch, Lightning.
        from gradexp.app.quiet import quiet_libraries
        from gradexp.app.tasks import TASKS
        from gradexp.engine.checkpoint_file import read_checkpoint
        from gradexp.engine.threads import threads_of_one_run

        quiet_libraries()
        if cfg.ckpt_path is not None:
            saved = read_checkpoint(cfg.ckpt_path)["config"]
            cfg = with_overrides(saved, cfg, typed, list(job.runtime.choices))
            OmegaConf.set_readonly(cfg, True)
            check_config(cfg, typed, own_keys=True)
        if cfg.figures == "auto":
            # In a sweep they would cost more than a small job itself.
            cfg = changed(cfg, {"figures": not _in_multirun()})
        with threads_of_one_run():
            outcome = TASKS[cfg.task](cfg, record, Console(stderr=True))
    except Exception as error:
        completed = _is_completed(folder)
        if record.ran is None and (record.is_resumed or not completed):
            record.write_asked()
        if not completed:
            _write_metrics(folder, {"status": "failed", "reason": str(error)})
        raise
    ran = record.ran
    assert ran is not None, "each task records the configuration that runs"
    known = {"monitor": ran.monitor, "monitor_mode": ran.monitor_mode, "seed": ran.seed}
    hashes = {"config_hash": config_hash(ran), "asked_hash": asked or asked_hash(record.asked)}
    metrics = known | outcome.metrics | hashes
    _write_metrics(folder, metrics)
    log.info("%s", metrics)
    return Result(metrics, folder, outcome.notes)


def _write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    from gradexp.files import write_json

    if is_first_process():
        write_json(folder / "metrics.json", metrics)


def _is_completed(folder: Path) -> bool:
    """Whether the folder holds a finished run, whose metrics a failed attempt to go on must not replace."""
    path = folder / "metrics.json"
    return path.is_file() and json.loads(path.read_text()).get("status") == "completed"


def _in_multirun() -> bool:
    from hydra.types import RunMode

    return HydraConfig.get().mode == RunMode.MULTIRUN


def _told(folder: Path) -> str:
    """How far a sweep is, and what sets the job apart from the others."""
    sweep = Manifest.read(folder.parent)
    if sweep is None:
        return " ".join(HydraConfig.get().overrides.task)
    jobs = list(sweep.jobs.values())
    ended = sum((folder.parent / job.folder / job_folder.METRICS).is_file() for job in jobs)
    return f"{ended}/{len(jobs)}  {next(job.label for job in jobs if job.folder == folder.name)}"


def _shortest(folder: Path) -> str:
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
