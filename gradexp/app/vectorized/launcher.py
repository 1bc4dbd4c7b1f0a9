"""Hydra's launcher that trains the jobs of a sweep in stacks."""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, open_dict
from rich.console import Console

from gradexp.app.vectorized.shape import shape, why_alone
from gradexp.app.vectorized.task import StackTask
from gradexp.configuration.values import plain, without_hydra
from gradexp.rules import COUNT, Rule, check, one_of, or_null
from gradexp.sweeps.job_folder import STACKS
from gradexp.sweeps.launch.joblib_workers import tied_workers
from gradexp.sweeps.launch.jobs import composed
from gradexp.sweeps.plan.axes import text

INNER = ("basic", "joblib", "ray", "ray_cluster", "submitit_slurm", "submitit_local")
WORTH_PROCESSES = 20.0  # seconds of fits in one process: each further process takes 5 to 10 to import what it needs


class VectorizedLauncher(Launcher):
    """Trains jobs of one shape at once, then runs each job's task, which finds its fit done; all others run alone.

    Args:
        inner: Another launcher, which runs the parts of the work side by side: a name in conf/hydra/launcher. None for
            joblib where the fits take long enough for its processes to start, else for this process alone.
        inner_options: Changes of that launcher's options.
        processes: Parts that the jobs of one shape are divided into.
        max_members: Members of a stack at most; None for as many as are fastest.
    """

    def __init__(
        self,
        inner: str | None = None,
        inner_options: Mapping[str, Any] | None = None,
        processes: int = 1,
        max_members: int | None = None,
    ) -> None:
        self.inner = inner
        self.inner_options = dict(inner_options or {})
        self.processes = processes
        self.max_members = max_members
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        options: tuple[tuple[str, Any, Rule], ...] = (
            ("inner", self.inner, or_null(one_of(*INNER))),
            ("processes", self.processes, COUNT),
            ("max_members", self.max_members, or_null(COUNT)),
        )
        for key, value, rule in options:
            check(f"hydra.launcher.{key}", value, rule)
        if self.inner_options and self.inner in (None, "basic"):
            raise ValueError(
                "hydra.launcher.inner_options must go with hydra.launcher.inner, a launcher that has options; got "
                f"{self.inner_options} with inner={self.inner or 'null'}."
            )

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        jobs = {
            number: composed(self.hydra_context, self.config, overrides, number)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        }
        stacks: dict[str, dict[int, DictConfig]] = {}
        alone: dict[str, dict[int, DictConfig]] = {}
        for number, config in jobs.items():
            values = plain(without_hydra(config))
            reason = why_alone(values)
            group = stacks.setdefault(shape(values), {}) if reason is None else alone.setdefault(reason, {})
            group[number] = config
        for reason, group in alone.items():
            line = f"one by one: {len(group)} jobs, since batches of models do not support {reason}"
            Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)
        inner = self.inner or self._fastest(list(stacks.values()), sum(map(len, alone.values())))
        each = 1 if inner == "basic" else self.processes
        parts = [part for group in stacks.values() for part in _divided(group, each)]
        singles = [part for group in alone.values() for part in _divided(group, len(group))]
        returns = self._run(inner, [*parts, *singles], len(parts), job_overrides[0])
        by_number = {number: one for part in returns for number, one in part.items()}
        return [by_number[number] for number in jobs]

    def _fastest(self, groups: Sequence[Mapping[int, DictConfig]], singles: int) -> str:
        """The inner launcher for jobs of these shapes, and further jobs that run alone."""
        if self.processes == 1 or find_spec("hydra_plugins.hydra_joblib_launcher") is None:
            return "basic"
        from gradexp.app.vectorized.cost import ALONE, seconds_of_stacks

        stacks = sum(seconds_of_stacks(without_hydra(next(iter(group.values()))), len(group)) for group in groups)
        return "joblib" if stacks + singles * ALONE > WORTH_PROCESSES else "basic"

    def _run(
        self, inner: str, parts: Sequence[Mapping[int, DictConfig]], stacked: int, overrides: Sequence[str]
    ) -> Iterable[dict[int, JobReturn]]:
        """Run the parts, the first `stacked` of which are of one shape each, here or as jobs of the inner launcher."""
        options = [f"hydra.launcher.{key}={text(value)}" for key, value in self.inner_options.items()]
        loader = self.hydra_context.config_loader
        own = loader.load_configuration("config", [f"hydra/launcher={inner}", *options], RunMode.MULTIRUN)
        config = self.config.copy()
        with open_dict(config):
            config.hydra.launcher = own.hydra.launcher
        task = StackTask(
            [pickle.dumps(dict(part)) for part in parts],
            stacked,
            self.task_function,
            self.hydra_context,
            self.max_members,
            str(config.hydra.launcher._target_),
        )
        if inner == "basic":
            return map(task.run, range(len(parts)))
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task, config=config
        )
        # To the inner launcher each part is a job, in a folder of its own.
        lines = [line for line in overrides if not line.startswith("hydra.sweep.subdir=")]
        folders = [f"hydra.sweep.subdir={STACKS}/{number}" for number in range(len(parts))]
        with tied_workers(launcher):
            returns = [one.return_value for one in launcher.launch([[*lines, folder] for folder in folders], 0)]
        for number in range(len(parts)):
            rmtree(Path(self.config.hydra.sweep.dir, STACKS, str(number)), ignore_errors=True)
        return returns


def _divided(group: Mapping[int, DictConfig], parts: int) -> list[dict[int, DictConfig]]:
    """A group in parts of about equal size, in order."""
    items, number = list(group.items()), min(parts, len(group))
    bounds = [len(items) * n // number for n in range(number + 1)]
    return [dict(items[bounds[n] : bounds[n + 1]]) for n in range(number)]
