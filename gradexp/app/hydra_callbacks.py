"""Callbacks of Hydra's runs and multiruns; conf/config.yaml lists the three classes."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.errors import explain, traceback_wanted
from gradexp.app.figure_files import figure_files
from gradexp.app.hydra_keys import check_hydra_keys, check_multirun, check_single_run, is_own
from gradexp.app.run_record import note_if_new
from gradexp.app.sampled_jobs import sampled_jobs
from gradexp.configuration.check import check_config
from gradexp.configuration.files import has_config, run_of
from gradexp.configuration.inputs import check_inputs
from gradexp.configuration.values import as_typed, plain, plain_without_hydra, without_hydra
from gradexp.interrupts import begin_work, command
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.own_process import is_own_process
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import NAME, check_is_sweep
from gradexp.sweeps.report.write_report import write_report
from gradexp.untrusted import check_stays_inside

_unreported: list[DictConfig] = []  # the multirun that runs, if its sweeper leaves an error to Hydra


class CheckBeforeRun(Callback):
    """Checks the configuration before Hydra creates the run's folder, so a bad value leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if is_own_process(Path(config.hydra.run.dir)):
            return  # the sweep has checked its jobs
        with _one_message():
            check_hydra_keys(config.hydra)
            if not traceback_wanted():  # the same check in the run raises with its traceback
                check_config(without_hydra(config), as_typed(config.hydra.overrides.task))
                check_inputs(plain_without_hydra(config))
            check_single_run(config)
            # Before Hydra opens the log file in a folder that others may have made.
            folder = known_folder(config.task, config.ckpt_path, config.sweep_dir)
            if folder is not None:
                check_stays_inside(folder)
            note_if_new(config.hydra.run.dir)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        begin_work()  # of the launchers: workers of joblib and Ray print errors when the first process just ends
        with _one_message():
            check_before_multirun(config)
            folder = Path(config.hydra.sweep.dir)
            if not is_own(config.hydra):
                begin_work(lambda: _kept(folder))


def check_before_multirun(config: DictConfig) -> None:
    """Check a multirun's configuration before anything is written.

    Raises:
        ValueError: A key breaks its rule, a plugin is not installed, or a link leads out of the sweep's folder.
        hydra.errors.HydraException: An override of a job names no key, group or option.
    """
    folder = Path(config.hydra.sweep.dir)
    if config.sweep.resume or (folder / NAME).is_file():
        check_stays_inside(folder)
    check_hydra_keys(config.hydra)
    check_multirun(config)
    if not config.sweep.resume and not traceback_wanted():
        check_inputs(plain_without_hydra(config))
    if not is_own(config.hydra):  # our sweepers check each job before it creates the sweep's folder
        _check_jobs(config)
    typed = as_typed(config.hydra.overrides.task)
    if config.ckpt_path is not None or any(line.startswith("ckpt_path=") for line in typed):
        from gradexp.app.resumed_jobs import check_kept  # imports torch

        loader: Any = GlobalHydra.instance().config_loader()
        is_search = config.hydra.sweeper._target_.rpartition(".")[2] not in ("BasicSweeper", "GridSweeper")
        check_kept(typed, plain(config.sweep)["axes"], loader.composer(config), is_search)


def known_folder(task: str, ckpt_path: str | None, sweep_dir: str | None) -> Path | None:
    """The folder of an earlier run or sweep into which a single run will write; None if it writes into a new one.

    Raises:
        ValueError: A report is asked for of a folder that is neither a run's nor a sweep's.
    """
    if task == "report":
        folder = None if sweep_dir is None else Path(sweep_dir)
        if folder is not None and not has_config(folder):
            check_is_sweep(folder)
        return folder
    return run_of(ckpt_path) if task == "train" else None


def _kept(folder: Path) -> str | None:
    """The remark for a search or another sweep without a manifest, which no command resumes."""
    if not any(folder.glob(f"*/{job_folder.STARTED}")):
        return None
    return f"its jobs are kept in {folder}; report them with: {_report_command(folder)}"


class WriteReport(Callback):
    """Writes the report when a multirun ends."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if not is_own(config.hydra):  # which ends with a report in any case
            _unreported.append(config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        _unreported.clear()
        folder = Path(config.hydra.sweep.dir)
        if not config.sweep.dry_run and any(folder.glob(f"*/{job_folder.STARTED}")):  # no report if no job started
            try:
                with figure_files(config):
                    write_report(folder, Console())
            except Exception as error:  # Hydra would only warn of it, and the sweep would end with status 0
                sys.exit(unwritten_report(folder, error))


def report_unfinished() -> tuple[Mapping[str, int], str]:
    """Write the report of a multirun that an error has ended, as Hydra then calls no callback.

    Returns:
        How many jobs there are of each status, empty if no multirun has ended so, or no job has started; and why the
        report is not written, empty if it is.
    """
    counts: Mapping[str, int] = {}
    unwritten = ""
    for config in _unreported:
        folder = Path(config.hydra.sweep.dir)
        if any(folder.glob(f"*/{job_folder.STARTED}")):
            try:
                with figure_files(config):
                    counts = write_report(folder, Console())
            except Exception as error:  # the one that has ended the multirun is still to be said
                unwritten = unwritten_report(folder, error).removeprefix("error: ")
    _unreported.clear()
    return counts, unwritten


def unwritten_report(folder: Path, error: Exception) -> str:
    """The message of a report that cannot be written."""
    if traceback_wanted():
        traceback.print_exception(error)
    reason = explain(error) or f"error: {type(error).__name__}: {error}"
    again = _report_command(folder)
    return f"{reason} The report is not written; the jobs' results are kept. Write it with {again}"


def _report_command(folder: Path) -> str:
    return command("task=report", f"sweep_dir={text(str(folder))}")


class ForgetConfiguration(Callback):
    """Frees each job's configuration, 0.2 MB, which Hydra's launchers otherwise keep until the last job ends."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        job_return.cfg = job_return.hydra_cfg = None


@contextmanager
def _one_message() -> Iterator[None]:
    """Ends the program with the message of an error: Hydra turns an Exception in a callback into a warning."""
    try:
        yield
    except Exception as error:
        sys.exit(explain(error) or f"error: {error}")


def _check_jobs(config: DictConfig) -> None:
    loader: Any = GlobalHydra.instance().config_loader()  # ours: gradexp.app.section_loader
    composer = loader.composer(config)
    sweeper = config.hydra.sweeper
    parameters = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    is_search = not sweeper._target_.endswith("BasicSweeper")  # others draw from intervals
    for line in sampled_jobs([*parameters, *config.hydra.overrides.task], composer, is_search):
        try:
            check_config(composer(line), line)
        except Exception as error:
            error.add_note(f"(In the job {' '.join(line)}.)")
            raise
