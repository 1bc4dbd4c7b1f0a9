"""The command line of a single run that is one job of a multirun, and what was typed to start a run."""

from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from omegaconf import OmegaConf

from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.values import as_typed
from gradexp.interrupts import command
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import Manifest

OF_THE_MULTIRUN = ("hydra.mode", "hydra.run.dir")
# Overrides that gradexp.run and Hydra add to those of the user.
OF_RUN = ("hydra.mode=", "~hydra.callbacks.check_before_run")


def job_overrides(job: Any) -> list[str]:
    """The overrides of a run that writes into the job's folder.

    Args:
        job: Hydra's part of the job's configuration.
    """
    kept = [line for line in job.overrides.hydra if not line.lstrip("+").startswith(OF_THE_MULTIRUN)]
    # Hydra tells each job of a multirun its number, but not a single run.
    numbers = {key: job.job[key] for key in ("num", "id") if not OmegaConf.is_missing(job.job, key)}
    return [
        *job.overrides.task,
        *kept,
        *(f"hydra.job.{key}={text(value)}" for key, value in numbers.items()),
        "hydra.mode=RUN",
        f"hydra.run.dir={text(job.runtime.output_dir)}",
    ]


def job_options(job: HydraConf) -> list[str]:
    """Hydra's options for the same configuration files."""
    options = ["--config-name", str(job.job.config_name)]
    for source in job.runtime.config_sources:
        if source.schema == "file" and source.provider == "command-line":
            options += ["--config-dir", source.path]
        elif source.schema == "file" and source.provider == "main" and source.path != str(CONF_DIR):
            options += ["--config-path", source.path]
    return options


def typed_overrides(job: Any) -> list[str]:
    """The overrides of a single run as they were typed.

    Args:
        job: Hydra's part of the run's configuration.
    """
    return [*as_typed(job.overrides.task), *(x for x in as_typed(job.overrides.hydra) if not x.startswith(OF_RUN))]


def typed_commands(folder: Path, job: Any) -> dict[str, str]:
    """What was typed, as lines for a shell, by what each is: of a job of a sweep, the sweep and the job alone.

    Args:
        folder: The run's folder.
        job: Hydra's part of the run's configuration.
    """
    options = [] if job.job.config_name == "config" else job_options(job)
    manifest = Manifest.of_job(folder)
    planned = None if manifest is None else next((x for x in manifest.jobs.values() if x.folder == folder.name), None)
    if manifest is None or planned is None:
        return {"The command": command(*options, *typed_overrides(job))}
    # What follows hydra.mode= is added for the job; so are its numbers, by `job_overrides`.
    of_hydra = takewhile(lambda line: not line.startswith("hydra.mode="), as_typed(job.overrides.hydra))
    kept = [line for line in of_hydra if not line.startswith((*OF_RUN, "hydra.job.num=", "hydra.job.id="))]
    return {
        "The sweep": command("-m", *options, *manifest.command, *kept),
        "This job alone": command(*options, *planned.overrides),
    }
