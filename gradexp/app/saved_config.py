"""The configuration in a checkpoint, with what was typed: checked as that of a stranger."""

import shlex
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gradexp.app.composition import with_overrides
from gradexp.app.job_command import typed_overrides
from gradexp.app.run_record import in_multirun
from gradexp.building.trust import OWN_PACKAGE, foreign_packages
from gradexp.configuration.check import check_config
from gradexp.configuration.places import place_arguments
from gradexp.configuration.values import flat, plain
from gradexp.sweeps.plan.axes import text


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
            _check_places(merged, cfg, job)
            _check_packages(merged, job)
            check_config(merged, typed, own_keys=True, saved=saved)
        except ValueError as error:
            if str(cfg.ckpt_path) in str(error):
                raise
            raise ValueError(f"{error} (What was not typed is from {cfg.ckpt_path}.)") from error
    return merged


def _check_places(cfg: DictConfig, typed: DictConfig, job: Any) -> None:
    """Check that each place that a logger or callback writes to was typed; the message gives the whole command."""
    own = place_arguments(flat(plain(typed)))
    found = {key: value for key, value in place_arguments(flat(plain(cfg))).items() if own.get(key) != value}
    if not found:
        return
    key, value = next(iter(found.items()))
    again = {f"{'+' * (OmegaConf.select(typed, name) is None)}{name}": text(place) for name, place in found.items()}
    lines = [f"{name}={place}" for name, place in again.items()]
    raise ValueError(
        f"{key} must be typed, as it may name a place to write to, which is never read from a file; got {value!r} from "
        f"{cfg.ckpt_path}. If you know it, type: {_command(job, lines)}"
    )


def _command(job: Any, again: list[str]) -> str:
    """The whole command, with more lines; in a sweep, whose command is another, the lines alone."""
    keys = [line.partition("=")[0].lstrip("+") for line in again]
    words = [line for line in typed_overrides(job) if line.partition("=")[0].lstrip("+") not in keys]
    return shlex.join(again if in_multirun() else ["python", "-m", "gradexp", *words, *again])


def _check_packages(cfg: DictConfig, job: Any) -> None:
    """Check that every package that the configuration names is trusted; the message gives the whole command."""
    trusted = plain(cfg)["trusted_packages"]
    foreign = foreign_packages(plain(cfg), trusted)
    if not foreign:
        return
    packages = ",".join(dict.fromkeys([OWN_PACKAGE, *trusted, *foreign]))
    command = _command(job, [f"trusted_packages=[{packages}]"])
    raise ValueError(
        f"trusted_packages must name the packages of all classes; got {trusted}, and {cfg.ckpt_path} names "
        f"{', '.join(foreign.values())}. It is never read from a file. If you know the code of {', '.join(foreign)}, "
        f"type: {command}"
    )
