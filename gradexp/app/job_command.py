"""The command line of a single run that is one job of a multirun."""

from typing import Any

from hydra.conf import HydraConf
from omegaconf import OmegaConf

from gradexp.configuration.files import CONF_DIR
from gradexp.sweeps.plan.axes import text

OF_THE_MULTIRUN = ("hydra.mode", "hydra.run.dir")


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
