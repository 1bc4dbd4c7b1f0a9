"""What is done at certain moments of a Hydra run or multirun; conf/config.yaml names the three classes."""

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
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.extras import check_installed
from gradexp.sweeps.report.write_report import write_report


class CheckBeforeRun(Callback):
    """Checks the configuration before Hydra makes the run's folder, so that a bad value leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if traceback_wanted():
            return  # the same check in the run raises with its traceback
        try:
            own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            check_config(own, list(config.hydra.overrides.task))
        except Exception as error:
            # Hydra turns an Exception in a callback into a warning; SystemExit passes.
            sys.exit(explain(error) or f"error: {error}")

        typed = [line for line in config.hydra.overrides.task if line.lstrip("+~").startswith("sweep.")]
        if config.hydra.mode != RunMode.MULTIRUN and (typed or config.sweep.axes):
            given = ", ".join(typed) or "sweep.axes"
            sys.exit(f"error: the keys of sweep are of a multirun; add -m. Got {given} with a single run.")

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
                        f"its jobs' folders, by which it finds them again; got {override}."
                    )
            return  # it checks each job, before it makes the sweep's folder
        asked = config.sweep
        ours = ("axes", "zip", "final", "resume", "dry_run")
        typed = [f"sweep.{key}" for key in ours if asked[key]] + ["sweep.on_failure"] * (asked.on_failure != "continue")
        if typed:
            sys.exit(f"error: {', '.join(typed)} must go with hydra/sweeper=grid; got {config.hydra.sweeper._target_}.")
        if (Path(config.hydra.sweep.dir) / "manifest.json").exists():
            sys.exit(f"error: hydra.sweep.dir must be no folder of a grid's; got {config.hydra.sweep.dir}.")
        self.on_run_start(config)


class WriteReport(Callback):
    """Writes the report of a multirun at its end."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        if not config.sweep.dry_run and any(folder.glob(f"*/{job_folder.STARTED}")):  # else nothing could be started
            write_report(folder, Console())


class ForgetConfiguration(Callback):
    """Drops the configurations that Hydra's launchers keep of every job until the last one ends, 0.2 MB a job."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        job_return.cfg = job_return.hydra_cfg = None
