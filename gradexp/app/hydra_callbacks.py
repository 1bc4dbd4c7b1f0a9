"""Callbacks of Hydra's runs and multiruns; conf/config.yaml lists the three classes."""

import shlex
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.errors import explain, traceback_wanted
from gradexp.configuration.check import check_config
from gradexp.interrupts import begin_work
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.extras import check_installed
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.report.write_report import write_report


class CheckBeforeRun(Callback):
    """Checks the configuration before Hydra creates the run's folder, so a bad value leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if traceback_wanted():
            return  # the same check in the run raises with its traceback
        try:
            cfg = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            check_config(cfg, list(config.hydra.overrides.task))
        except Exception as error:
            # Hydra turns an Exception in a callback into a warning, but not SystemExit.
            sys.exit(explain(error) or f"error: {error}")
        typed = [line for line in config.hydra.overrides.task if line.lstrip("+~").startswith("sweep.")]
        if config.hydra.mode != RunMode.MULTIRUN and (typed or config.sweep.axes):
            given = ", ".join(typed) or "sweep.axes"
            sys.exit(f"error: the keys of sweep must go with a multirun; got {given} with a single run: add -m.")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        begin_work()  # of the launchers: workers of joblib and Ray print errors when the first process just ends
        for plugin in (config.hydra.sweeper, config.hydra.launcher):
            try:
                check_installed(plugin._target_)
            except ValueError as error:
                sys.exit(explain(error))
        if "gradexp" in config.hydra.sweeper._target_:
            for override in config.hydra.overrides.hydra:
                if override.lstrip("+~").startswith("hydra.sweep.subdir"):
                    sys.exit(
                        "error: hydra.sweep.subdir must go with another sweeper, hydra/sweeper=basic: the grid numbers "
                        f"its jobs' folders to find them again; got {override}."
                    )
            if config.hydra.sweeper.get("params"):
                sys.exit(
                    "error: hydra.sweeper.params must be null with hydra/sweeper=grid; got "
                    f"{config.hydra.sweeper.params}. Type KEY=VALUE,VALUE, or write sweep.axes in an experiment."
                )
            return  # the grid checks each job before it creates the sweep's folder
        sweep = config.sweep
        typed = [f"sweep.{key}" for key in ("axes", "zip", "final", "resume", "dry_run") if sweep[key]]
        typed += ["sweep.on_failure"] * (sweep.on_failure != "continue")
        if typed:
            sys.exit(f"error: {', '.join(typed)} must go with hydra/sweeper=grid; got {config.hydra.sweeper._target_}.")
        if (Path(config.hydra.sweep.dir) / "manifest.json").exists():
            sys.exit(f"error: hydra.sweep.dir must not be the folder of a grid; got {config.hydra.sweep.dir}.")
        self.on_run_start(config)


class WriteReport(Callback):
    """Writes the report when a multirun ends."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        if not config.sweep.dry_run and any(folder.glob(f"*/{job_folder.STARTED}")):  # no report if no job started
            try:
                write_report(folder, Console())
            except Exception as error:  # Hydra would only warn of it, and the sweep would end with status 0
                if traceback_wanted():
                    traceback.print_exc()
                command = shlex.join(["python", "-m", "gradexp", "task=report", f"sweep_dir={text(str(folder))}"])
                reason = explain(error) or f"error: {type(error).__name__}: {error}"
                sys.exit(f"{reason} The report is not written; the jobs' results are kept. Write it with {command}")


class ForgetConfiguration(Callback):
    """Frees each job's configuration, 0.2 MB, which Hydra's launchers otherwise keep until the last job ends."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        job_return.cfg = job_return.hydra_cfg = None
