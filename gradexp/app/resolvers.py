"""The resolvers that conf/ uses as ${NAME:...}: folders of runs and sweeps, and resources for jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from gradexp.configuration.files import read_config, run_of
from gradexp.configuration.key_rules import KEY_RULES
from gradexp.engine.cores import core_count
from gradexp.files import random_letters
from gradexp.objective.monitor import monitor_mode, needs_mode
from gradexp.sweeps.launch.resources import cores_per_job, gpu_count, gpus_per_job, jobs_at_once


def run_folder(task: str, ckpt_path: str | None, name: str, sweep_dir: str | None) -> str:
    """A new folder for the run; a resumed run keeps its folder, and a report is written into its sweep's."""
    if task == "report" and sweep_dir is not None:
        return sweep_dir
    if task in ("explain", "compare"):
        name = task
    run = run_of(ckpt_path)
    if run is not None and task == "train":
        return str(run)
    if run is not None:
        recorded = read_config(run).get("name")
        # Another one is refused with the checkpoint that has it.
        name = str(recorded) if KEY_RULES["name"].holds(recorded) else name
    return _new_folder(f"outputs/{name}")


def sweep_folder(resume: str | None, name: str) -> str:
    """A new folder for the sweep; a resumed sweep keeps its folder."""
    return resume or _new_folder(f"outputs/sweeps/{name}")


def direction(monitor: str, mode: str | None, metrics: Any, trusted_packages: Any = ()) -> str:
    """The direction of a search, in Optuna's terms.

    Raises:
        ValueError: It is unknown whether higher or lower values of the metric are better.
    """
    config = {"monitor": monitor, "monitor_mode": mode, "metrics": metrics, "trusted_packages": trusted_packages}
    better = monitor_mode(config)
    if better is None:
        raise ValueError(needs_mode(monitor))
    return {"max": "maximize", "min": "minimize"}[better]


def _new_folder(parent: str) -> str:
    return f"{parent}/{datetime.now():%Y-%m-%d_%H-%M-%S}-{random_letters()}"


# Cached ones give a folder the same name each time it is resolved, in all jobs of a multirun.
CACHED = (run_folder, sweep_folder)
RESOLVERS = (*CACHED, core_count, gpu_count, jobs_at_once, cores_per_job, gpus_per_job, direction)


def register_resolvers(replace: bool = False) -> None:
    """Register the resolvers with OmegaConf; may be called repeatedly.

    Args:
        replace: Whether to replace resolvers of the same names, which the caller's program may have.
    """
    for function in RESOLVERS:
        if replace or not OmegaConf.has_resolver(function.__name__):
            OmegaConf.register_new_resolver(function.__name__, function, use_cache=function in CACHED, replace=replace)


@contextmanager
def own_resolvers() -> Iterator[None]:
    """Within this context, the resolvers are gradexp's; afterwards, those of the same names are the caller's again."""
    names = {function.__name__ for function in RESOLVERS}
    before = {name: resolver for name, resolver in BaseContainer._resolvers.items() if name in names}
    register_resolvers(replace=True)
    try:
        yield
    finally:
        BaseContainer._resolvers.update(before)
