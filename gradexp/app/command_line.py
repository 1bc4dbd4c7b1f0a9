"""The command line: Hydra's entry point, Hydra's task function, and the printing of results and errors."""

import os
import platform
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

import gradexp
from gradexp.app.errors import explain, traceback_wanted
from gradexp.app.execution import PRINTING_TASKS, execute, score_to_optimize
from gradexp.app.flags import flags_first
from gradexp.app.hydra_callbacks import report_unfinished
from gradexp.app.plugins import OWN_PLUGINS
from gradexp.app.quoting import with_readable_baseline
from gradexp.app.run_record import in_multirun, is_first_process
from gradexp.app.section_loader import class_sections
from gradexp.app.summary import print_job, print_summary
from gradexp.app.unreadable import check_readable
from gradexp.configuration.files import CONF_DIR
from gradexp.interrupts import handled
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.own_process import is_own_process
from gradexp.sweeps.launch.plugins import register
from gradexp.sweeps.plan.manifest import Manifest


def cli() -> None:
    """Run the command line; a user's error prints one message and exits with status 1.

    Raises:
        SystemExit: Of an error, or of an interruption: 130 after Ctrl-C, 143 after SIGTERM.
    """
    with handled():
        try:
            _cli()
        except SystemExit as end:
            if not end.code:  # after an error there is a message already
                _flush()
            raise
        _flush()


def versions() -> str:
    """Gradexp's version, and those of what its results depend on, without importing them."""
    packages = {"torch": "torch", "Lightning": "lightning", "Hydra": "hydra-core"}
    named = [f"{name} {version(package)}" for name, package in packages.items()]
    return f"gradexp {gradexp.__version__} ({', '.join(named)}, Python {platform.python_version()})"


def _flush() -> None:
    """Write out what is printed, before Python does, which ends with status 120, or 0, if the disk is full."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):  # Python will flush again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(explain(error) or 1) from error


def _cli() -> None:
    show_traceback = traceback_wanted()
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if "--version" in sys.argv[1:]:
            print(versions())
            return
        check_readable(sys.argv[1:])
        sys.argv[1:] = with_readable_baseline(flags_first(sys.argv[1:]))
        register(*OWN_PLUGINS)
        with class_sections():
            hydra.main(config_path=str(CONF_DIR), config_name="config", version_base="1.3")(main)()
    except Exception as error:
        counts, unwritten = report_unfinished()
        message = explain(error)
        if message is None or show_traceback:
            raise
        if counts and not counts.get("completed"):
            found = ", ".join(f"{count} {status}" for status, count in counts.items())
            message = f"error: no job of the sweep completed ({found}). {message.removeprefix('error: ')}"
        sys.exit(f"{message} {unwritten}".rstrip())


def main(cfg: DictConfig) -> float | None:
    """Run one job and print its summary; return the monitored metric to sweepers that optimise it."""
    try:
        result = execute(cfg)
    except (Exception, SystemExit) as error:
        is_told = is_own_process(_folder()) or _lost_the_first_process(error)  # by the sweep, by the first process
        if is_told and not traceback_wanted():
            raise SystemExit(1) from error
        if isinstance(error, SystemExit) or is_own_process(_folder()):
            raise
        if in_multirun():
            if not isinstance(error, job_folder.SweepStopped):
                _print_job({"status": "failed", "reason": str(error)})
            raise
        message = explain(error)
        if message is None or traceback_wanted():
            raise
        raise SystemExit(message) from error  # Hydra prints a line of its own for any other exception
    if cfg.task in PRINTING_TASKS:
        return None
    status = result.metrics["status"]
    if result.predictions is not None:
        from gradexp.app.prediction_table import print_predictions  # imports polars

        print_predictions(Console(), result.predictions, result.metrics.get("classes", 0))
    if in_multirun():
        if not is_own_process(_folder()):
            _print_job(result.metrics)
    else:
        if is_first_process():
            try:
                print_summary(Console(), result.metrics, _relative(result.folder), result.notes)
            except OSError as error:  # of the output, which may be a file on a full disk
                raise SystemExit(explain(error) or 1) from error
        if status == "diverged" or result.metrics.get("checks/failed"):
            raise SystemExit(1)
    return score_to_optimize(cfg.task, result.metrics)


def _lost_the_first_process(error: BaseException) -> bool:
    """Whether a further process of a DDP run failed because the first one has ended, and has said why."""
    return not is_first_process() and re.search("onnection (closed|reset) by peer|Broken pipe", str(error)) is not None


def _print_job(metrics: Mapping[str, Any]) -> None:
    """Print one line for a job of a multirun: the sweep's progress, what distinguishes the job, its outcome."""
    folder = _folder()
    sweep = Manifest.of_job(folder)
    if sweep is None:
        label = " ".join(HydraConfig.get().overrides.task)
    else:
        jobs = list(sweep.jobs.values())
        ended = sum(os.path.isfile(f"{folder.parent}/{job.folder}/{job_folder.METRICS}") for job in jobs)  # noqa: PTH113
        label = f"{ended}/{len(jobs)}  {next(job.label for job in jobs if job.folder == folder.name)}"
    print_job(Console(), label, metrics, _relative(folder))


def _folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)


def _relative(folder: Path) -> str:
    """The folder relative to the current one where it lies below it; the whole path otherwise."""
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
