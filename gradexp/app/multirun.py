"""Runs a sweep from Python, as `python -m gradexp -m` does."""

import warnings
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.caller_state import caller_state
from gradexp.app.errors import plain_messages
from gradexp.app.execution import execute, score_to_optimize
from gradexp.app.figure_files import figure_files
from gradexp.app.hydra_callbacks import CheckBeforeRun, WriteReport, check_before_multirun, unwritten_report
from gradexp.app.own_hydra import own_hydra
from gradexp.app.plugins import OWN_PLUGINS
from gradexp.app.quoting import with_readable_baseline
from gradexp.app.sweep_bar import SweepBar, can_draw
from gradexp.app.unreadable import check_readable
from gradexp.configuration.values import as_typed, changed
from gradexp.interrupts import command
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.output import silent
from gradexp.sweeps.launch.plugins import register
from gradexp.sweeps.launch.run_jobs import JobsWithoutResult
from gradexp.sweeps.report.sweep import Sweep, load_sweep
from gradexp.sweeps.report.write_report import write_report

MULTIRUN = "hydra.mode=MULTIRUN"


def sweep(*overrides: str) -> Sweep:
    """Run what `python -m gradexp -m OVERRIDES` runs: all combinations of the values, with a report in the end.

    It prints nothing but a bar, on a terminal or in a notebook, which `progress=false` turns off. The process is
    afterwards as it was before, as after `run`. It works with every launcher, also in a script without
    `if __name__ == "__main__"`. An interrupted sweep goes on with `sweep("sweep.resume=FOLDER")`.

    If some jobs fail, the sweep is returned with their rows and reasons, and a warning says how many, the first reason
    and the command that repeats them. A diverged job has a result, its row. If no job has a result, that message is an
    error.

    >>> found = sweep("+experiment=digits", "optimizer.lr=1e-3,1e-2", "seed=0,1,2")  # doctest: +SKIP
    >>> found.table, found.best, found.compare(), found.curves("val/loss"), found.folder  # doctest: +SKIP

    Raises:
        ValueError: A value breaks its rule, in any job, before one runs; or no job has a result.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    check_readable(overrides)
    remarks: list[str] = []
    with own_hydra() as hydra, plain_messages(), silent():
        register(*OWN_PLUGINS)
        console = Console(stderr=True)
        line = [*with_readable_baseline(overrides), MULTIRUN]
        cfg = hydra.compose_config("config", line, RunMode.MULTIRUN)
        if cfg.sweep.dry_run:
            again = command("-m", *overrides)
            raise ValueError(f"sweep.dry_run must be false for a result; got true. The jobs are listed by {again}")
        check_before_multirun(cfg)
        is_drawn = bool(cfg.progress) and can_draw(console)
        with caller_state():
            configure_log(cfg.hydra.hydra_logging, cfg.hydra.verbose)
            callbacks = Callbacks(cfg)
            has_report = any(isinstance(one, WriteReport) for one in callbacks.callbacks)
            # Both end the program on an error.
            callbacks.callbacks = [x for x in callbacks.callbacks if not isinstance(x, CheckBeforeRun | WriteReport)]
            context = HydraContext(config_loader=hydra.config_loader, callbacks=callbacks)
            sweeper = Plugins.instance().instantiate_sweeper(config=cfg, hydra_context=context, task_function=_job)
            with SweepBar(lambda: Path(cfg.hydra.sweep.dir), console, is_drawn):
                remarks += _run(sweeper, callbacks, cfg)
            folder = Path(cfg.hydra.sweep.dir).absolute()
            if has_report and any(folder.glob(f"*/{job_folder.STARTED}")):
                try:
                    with figure_files(cfg):
                        write_report(folder, Console(quiet=True))
                except Exception as error:  # of the report alone: the jobs' results are kept
                    remarks.append(unwritten_report(folder, error).removeprefix("error: "))
    found = load_sweep(folder)
    if remarks and not any(job.status in ("completed", "diverged") for job in found.results.jobs):
        raise ValueError(" ".join(remarks))
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return found


def _run(sweeper: Sweeper, callbacks: Callbacks, cfg: DictConfig) -> list[str]:
    """Run the jobs; returns a remark if some of them have no result."""
    try:
        callbacks.on_multirun_start(config=cfg, config_name="config")
        sweeper.sweep(as_typed(cfg.hydra.overrides.task))
        callbacks.on_multirun_end(config=cfg, config_name="config")
    except JobsWithoutResult as end:  # the sweeper has called the callbacks
        return [str(end.code).removeprefix("error: ")]
    except BaseException as error:
        folder = Path(cfg.hydra.sweep.dir).absolute()
        if any(folder.glob(f"*/{job_folder.STARTED}")):
            error.add_note(f"What its jobs have written is kept: gradexp.load_sweep({str(folder)!r})")
        raise
    return []


def _job(cfg: DictConfig) -> float | None:
    """Run one job, in whichever process, without a bar, as the sweep has one; returns what a search optimises."""
    return score_to_optimize(cfg.task, execute(changed(cfg, {"progress": False})).metrics)
