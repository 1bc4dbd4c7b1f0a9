"""The configuration in a checkpoint, with what was typed: checked as that of a stranger."""

import shlex
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gradexp.app.composition import with_overrides
from gradexp.app.run_record import in_multirun
from gradexp.building.trust import OWN_PACKAGE, foreign_packages
from gradexp.configuration.check import check_config
from gradexp.configuration.values import plain

# Overrides that gradexp.run adds to those of the user.
OF_RUN = ("hydra.mode=", "~hydra.callbacks.check_before_run")


def with_checkpoint(cfg: DictConfig, job: Any, goes_on: bool = False) -> DictConfig:
    """The read-only configuration of the checkpoint `cfg.ckpt_path`, with the typed overrides applied.

    Args:
        cfg: The configuration composed from the command line.
        job: Hydra's configuration of the job.
        goes_on: Whether a job of a sweep goes on as it began, whatever was typed for it.

    Raises:
        ValueError: The checkpoint is damaged, its configuration breaks a rule, or it names a class that is not trusted.
    """
    # torch takes seconds to import.
    from gradexp.engine.checkpoint_file import read_checkpoint, restoring

    typed = list(job.overrides.task)
    saved = read_checkpoint(cfg.ckpt_path)["config"]
    with restoring(cfg.ckpt_path):
        try:
            merged = with_overrides(saved, cfg, [] if goes_on else typed, list(job.runtime.choices))
            OmegaConf.set_readonly(merged, True)
            _check_packages(merged, job)
            check_config(merged, typed, own_keys=True)
        except ValueError as error:
            if str(cfg.ckpt_path) in str(error):
                raise
            raise ValueError(f"{error} (What was not typed is from {cfg.ckpt_path}.)") from error
    return merged


def _check_packages(cfg: DictConfig, job: Any) -> None:
    """Check that every package that the configuration names is trusted; the message gives the whole command."""
    trusted = plain(cfg)["trusted_packages"]
    foreign = foreign_packages(plain(cfg), trusted)
    if not foreign:
        return
    packages = ",".join(dict.fromkeys([OWN_PACKAGE, *trusted, *foreign]))
    again = f"trusted_packages=[{packages}]"
    lines = [*job.overrides.task, *(line for line in job.overrides.hydra if not line.startswith(OF_RUN))]
    words = [line for line in lines if not line.startswith("trusted_packages=")]
    command = again if in_multirun() else shlex.join(["python", "-m", "gradexp", *words, again])
    raise ValueError(
        f"trusted_packages must name the packages of all classes; got {trusted}, and {cfg.ckpt_path} names "
        f"{', '.join(foreign.values())}. It is never read from a file. If you know the code of {', '.join(foreign)}, "
        f"type: {command}"
    )
