"""Callbacks of Hydra's runs and multiruns; conf/config.yaml lists the three classes."""

import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.errors import explain, traceback_wanted
from gradexp.configuration.check import check_config
from gradexp.configuration.values import as_typed
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.extras import check_installed
from gradexp.sweeps.report.write_report import write_report


class CheckBeforeRun(Callback):
    """Checks the configuration before Hydra creates the run's folder, so a bad value leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if traceback_wanted():
            return  # the same check in the run raises with its traceback
        try:
            cfg = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            check_config(cfg, as_typed(config.hydra.overrides.task))
        except Exception as error:
            # Hydra turns an Exception in a callback into a warning, but not SystemExit.
            sys.exit(explain(error) or f"error: {error}")
        typed = [line for line in as_typed(config.hydra.overrides.task) if line.lstrip("+~").startswith("sweep.")]
        if config.hydra.mode != RunMode.MULTIRUN and (typed or config.sweep.axes):
            given = ", ".join(typed) or "sweep.axes"
            sys.exit(f"error: the keys of sweep must go with a multirun; got {given} with a single run: add -m.")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
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
            write_report(folder, Console())


class ForgetConfiguration(Callback):
    """Frees each job's configuration, 0.2 MB, which Hydra's launchers otherwise keep until the last job ends."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        job_return.cfg = job_return.hydra_cfg = None
