"""Rules of Hydra's own keys, and of the keys of `sweep`, which only some kinds of runs have."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.configuration.files import read_hydra
from gradexp.configuration.groups import groups
from gradexp.configuration.values import as_typed
from gradexp.sweeps.launch.extras import check_installed, check_optuna
from gradexp.sweeps.launch.resources import NO_DEVICE, may_have
from gradexp.sweeps.launch.search_plan import check_no_search
from gradexp.sweeps.plan.manifest import NAME

ONE_FOR_ALL = ("figure_format", "figure_size")  # keys of the sweep's own figures, which are no axes
SINGLE = {"report": "one sweep_dir", "compare": "any compare.folders"}  # tasks, and what they are of
ONE_TASK = ("tasks_per_node", "nodes")  # of a launcher: gradexp starts the processes of a job itself
ONE_FOLDER = "hydra.sweep.subdir must be one folder in the sweep's, not several; got {!r}."


def check_hydra_keys(hydra: HydraConf) -> None:
    """Check the part `hydra` of a configuration.

    Raises:
        ValueError: A key breaks its rule.
    """
    if hydra.job.chdir:
        raise ValueError(
            "hydra.job.chdir must be false: paths are relative to the folder in which the command is typed, and a run "
            "writes into its own folder wherever it runs; got true."
        )


def check_single_run(config: DictConfig) -> None:
    """Check that a single run has no keys of a sweep.

    Raises:
        ValueError: It has one.
    """
    lines = [*as_typed(config.hydra.overrides.task), *as_typed(config.hydra.overrides.hydra)]
    of_sweeps = (
        "sweep.",
        "search.",
        "hydra/launcher",
        "hydra.launcher",
        "hydra/sweeper",
        "hydra.sweeper",
        "hydra.sweep.",
    )
    typed = [line for line in lines if line.lstrip("+~").startswith(of_sweeps)]
    if config.hydra.mode != RunMode.MULTIRUN and (typed or config.sweep.axes):
        given = ", ".join(typed) or "sweep.axes"
        raise ValueError(f"the keys of a sweep must go with a multirun; got {given} with a single run: add -m.")

    accelerator = config.trainer.accelerator
    if isinstance(accelerator, str) and not may_have(accelerator):
        raise ValueError(NO_DEVICE.format(accelerator))


def check_multirun(config: DictConfig) -> None:
    """Check what a multirun asks of its sweeper and its launcher.

    Raises:
        ValueError: A plugin is not installed, or a key does not go with the sweeper or the launcher.
    """
    hydra = config.hydra
    _check_task(config.task, hydra.overrides.task)
    for line in as_typed(hydra.overrides.hydra):
        key = line.partition("=")[0]
        if key in ("hydra.launcher._target_", "hydra.sweeper._target_"):
            group = key.removesuffix("._target_").replace(".", "/")
            raise ValueError(
                f"{key} must not be typed, as its options belong to another class; got {line}. Type {group}=NAME, one "
                f"of {', '.join(groups()[group])}."
            )
    check_installed(hydra.sweeper._target_)
    check_launcher(hydra.launcher)
    if config.trainer.get("num_nodes") not in (None, 1):
        raise ValueError(
            f"trainer.num_nodes must be 1 in a multirun, which starts each job on one machine; got "
            f"{config.trainer.num_nodes}."
        )
    for override in hydra.overrides.task:
        key, _, value = override.lstrip("+").partition("=")
        if key in ONE_FOR_ALL and "," in value and not value.startswith(("[", "'", '"')):
            allowed = f'Type "{key}=[{value}]".' if key == "figure_format" else "Type one of them."
            raise ValueError(f"{key} must be the same for all jobs of a sweep; got the axis {value}. {allowed}")
    if is_own(hydra):
        _check_own_sweeper(config)
    else:
        _check_other_sweeper(config)


def _check_task(task: str, overrides: Sequence[str]) -> None:
    """Check that jobs do no work that is of the folders of others, and not of their own."""
    values = [line.partition("=")[2].split(",") for line in overrides if line.startswith("task=")]
    for one in {task: None, **dict.fromkeys(itertools.chain.from_iterable(values))}:
        if one in SINGLE:
            raise ValueError(
                f"task={one} must be a single run, of {SINGLE[one]}; got a multirun. Type it without -m, once for each."
            )


def check_launcher(launcher: Any) -> None:
    """Check the part `hydra.launcher` of a multirun.

    Raises:
        ValueError: Its plugin is not installed, it would start several processes a job, or no job at all.
    """
    check_installed(launcher._target_)
    if launcher.get("n_jobs") == 0:
        raise ValueError("hydra.launcher.n_jobs must be a number of jobs at once, or -1 for one per core; got 0.")
    for key in ONE_TASK:
        if launcher.get(key) not in (None, 1):
            raise ValueError(
                f"hydra.launcher.{key} must be 1, as a job starts its trainer.devices processes itself; got "
                f"{launcher.get(key)}."
            )


def is_own(hydra: HydraConf) -> bool:
    """Whether the sweeper is gradexp's own, which keeps a manifest."""
    return "gradexp" in hydra.sweeper._target_


def _check_own_sweeper(config: DictConfig) -> None:
    hydra = config.hydra
    for override in hydra.overrides.hydra:
        if override.lstrip("+~").startswith("hydra.sweep.subdir"):
            raise ValueError(
                "hydra.sweep.subdir must go with another sweeper, hydra/sweeper=basic: gradexp's own numbers its "
                f"jobs' folders to find them again; got {override}."
            )
    name = "optuna" if str(hydra.sweeper._target_).endswith(".OptunaSweeper") else "grid"
    if name == "optuna":
        check_optuna()
    if hydra.sweeper.get("params"):
        raise ValueError(
            f"hydra.sweeper.params must be null with hydra/sweeper={name}; got {hydra.sweeper.params}. Type "
            "KEY=VALUE,VALUE, or write sweep.axes in an experiment."
        )


def _check_other_sweeper(config: DictConfig) -> None:
    hydra, sweep = config.hydra, config.sweep
    typed = [f"sweep.{key}" for key in ("axes", "zip", "final", "resume", "dry_run") if sweep[key]]
    check_no_search(as_typed(config.hydra.overrides.task))
    typed += ["sweep.on_failure"] * (sweep.on_failure != "continue")
    if typed:
        raise ValueError(f"{', '.join(typed)} must go with hydra/sweeper=grid; got {hydra.sweeper._target_}.")
    if (Path(hydra.sweep.dir) / NAME).exists():
        raise ValueError(f"hydra.sweep.dir must not be the folder of a grid; got {hydra.sweep.dir}.")
    subdir = OmegaConf.to_container(hydra.sweep, resolve=False)["subdir"]  # type: ignore[index, call-overload]
    if "/" in str(subdir):
        raise ValueError(ONE_FOLDER.format(subdir))
    if "${" not in str(subdir):
        raise ValueError(
            "hydra.sweep.subdir must differ between jobs, which each have a folder, such as ${hydra.job.num}; got "
            f"{subdir!r} for all."
        )


def check_job_folder(folder: Path, job: HydraConf) -> None:
    """Check that a job's folder lies in the sweep's, where the report looks for it.

    Raises:
        ValueError: It lies deeper, as `hydra.sweep.subdir` has a slash in this job.
    """
    if folder.parent != Path(job.sweep.dir).absolute():
        raise ValueError(ONE_FOLDER.format(job.sweep.subdir))


def check_same_job(folder: Path, job: HydraConf, ended: Mapping[str, Any] | None, asked: str) -> None:
    """Check that no other job of the multirun has written into a job's folder.

    Args:
        folder: The job's.
        job: Hydra's part of its configuration.
        ended: The content of metrics.json in the folder.
        asked: The hash of the job's configuration.

    Raises:
        ValueError: `hydra.sweep.subdir` is the same for two jobs.
    """
    other = read_hydra(folder).get("hydra", {}).get("job", {}).get("num")
    if ended is not None and ended.get("asked_hash") not in (None, asked) and other not in (None, job.job.num):
        raise ValueError(
            f"hydra.sweep.subdir must differ between jobs, such as ${{hydra.job.num}}; got {job.sweep.subdir!r} for "
            f"job {job.job.num}, in which job {other} has run."
        )
