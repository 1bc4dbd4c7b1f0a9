"""The resolvers that conf/ uses as ${NAME:...}: folders of runs and sweeps, and resources for jobs."""

from datetime import datetime
from typing import Any

from omegaconf import OmegaConf

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
    if task == "explain":
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


def register_resolvers() -> None:
    """Register the resolvers with OmegaConf; may be called repeatedly."""
    for resolver in (run_folder, sweep_folder):
        # Cached, so that a folder keeps its name each time it is resolved, in all jobs of a multirun.
        OmegaConf.register_new_resolver(resolver.__name__, resolver, use_cache=True, replace=True)
    for function in (core_count, gpu_count, jobs_at_once, cores_per_job, gpus_per_job, direction):
        OmegaConf.register_new_resolver(function.__name__, function, replace=True)
