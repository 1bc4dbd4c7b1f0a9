"""Composes and runs the jobs of a sweep one by one, as Hydra's own launcher does but in less time."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, configure_log, env_override, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gradexp.configuration.class_sections import CUSTOM
from gradexp.configuration.values import as_typed, without_hydra
from gradexp.configuration.yaml_text import as_yaml, to_yaml
from gradexp.files import write_atomically
from gradexp.sweeps.plan.axes import text

LAUNCHER = "hydra/launcher"


class BasicLauncher(Launcher):
    """Runs the jobs of a sweep one after the other, in this process."""

    def __init__(self) -> None:
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        returns = []
        for number, overrides in enumerate(job_overrides, initial_job_idx):
            config = composed(self.hydra_context, self.config, overrides, number)
            returns.append(run_job(self.hydra_context, self.task_function, config))
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return returns


def composed(context: HydraContext, sweep: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    """The configuration of a job, with the section `hydra`.

    Args:
        context: Hydra's.
        sweep: The sweep's configuration.
        overrides: The job's command line.
        number: The job's number.
    """
    config: DictConfig = context.config_loader.load_sweep_config(sweep, list(overrides))
    with open_dict(config):
        config.hydra.job.id = config.hydra.job.num = number
    return config


def is_launcher_typed(sweep: DictConfig) -> bool:
    """Whether a launcher was typed on the command line of a sweep with this configuration."""
    return any(line.startswith(f"{LAUNCHER}=") for line in as_typed(sweep.hydra.overrides.hydra))


def launcher_of_preset(sweep: DictConfig) -> list[str]:
    """The override for the launcher that a preset or an experiment has chosen; none where one was typed, or none is."""
    name = sweep.hydra.runtime.choices.get(LAUNCHER)
    return [] if is_launcher_typed(sweep) or name in (None, "basic", CUSTOM) else [f"{LAUNCHER}={name}"]


def with_launcher(
    context: HydraContext, sweep: DictConfig, name: str, options: Mapping[str, Any] = MappingProxyType({})
) -> DictConfig:
    """A sweep's configuration with another launcher.

    Args:
        context: Hydra's.
        sweep: The sweep's configuration; it is not changed.
        name: The launcher's, an option of hydra/launcher.
        options: Changes of its options.
    """
    lines = [f"hydra.launcher.{key}={text(value)}" for key, value in options.items()]
    own = context.config_loader.load_configuration("config", [f"{LAUNCHER}={name}", *lines], RunMode.MULTIRUN)
    config = sweep.copy()
    with read_write(config), open_dict(config):
        config.hydra.launcher = own.hydra.launcher
    return config


def run_job(context: HydraContext, task: TaskFunction, config: DictConfig, cfg: DictConfig | None = None) -> JobReturn:
    """Run a job as `hydra.core.utils.run_job` does, which copies the configuration five times.

    The configuration is not copied but for the part that the task gets, and belongs to the job from then on.

    Args:
        context: Hydra's.
        task: What the job runs.
        config: The job's configuration, with the section `hydra`.
        cfg: The part of it that the task gets, if it has been copied already.
    """
    instance: Any = HydraConfig.instance()
    before = instance.cfg
    folder = os.path.abspath(Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)))  # noqa: PTH100
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = folder
    OmegaConf.set_readonly(config.hydra, True)
    instance.cfg = config
    result = JobReturn()
    try:
        result.cfg, result.hydra_cfg = without_hydra(config) if cfg is None else cfg, config
        result.overrides = as_typed(config.hydra.overrides.task)
        Path(folder).mkdir(parents=True, exist_ok=True)
        result.working_dir = os.getcwd()  # noqa: PTH109  # hydra.job.chdir is always false
        result.task_name = JobRuntime.instance().get("name")
        configure_log(config.hydra.job_logging, config.hydra.verbose)
        if config.hydra.output_subdir is not None:  # Hydra's record, for who wants one beside ours
            write_record(Path(folder, config.hydra.output_subdir), config, result.cfg)
        with env_override(config.hydra.job.env_set):
            context.callbacks.on_job_start(config=config, task_function=task)
            try:
                result.return_value = task(result.cfg)
                result.status = JobStatus.COMPLETED
            except Exception as error:
                result.return_value = error
                result.status = JobStatus.FAILED
        context.callbacks.on_job_end(config=config, job_return=result)
        return result
    finally:
        instance.cfg = before


def write_record(folder: Path, hydra: DictConfig, cfg: DictConfig) -> None:
    """Write the three files that Hydra keeps of a job: config.yaml comes last; where it exists, the record is complete.

    Args:
        folder: The folder of the record.
        hydra: A configuration with the section `hydra`.
        cfg: The configuration of the task.
    """
    section = OmegaConf.to_container(hydra.hydra, enum_to_str=True)
    contents = {
        "overrides.yaml": as_yaml(as_typed(hydra.hydra.overrides.task)),
        "hydra.yaml": as_yaml({"hydra": section}),
        "config.yaml": to_yaml(cfg),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content.encode())
