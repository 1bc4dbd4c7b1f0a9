"""Hydra's launcher that trains the jobs of a sweep in stacks."""

from collections.abc import Mapping, Sequence
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
from gradexp.sweeps.launch.jobs import composed
from gradexp.sweeps.plan.axes import text

INNER = ("basic", "joblib", "ray", "ray_cluster", "submitit_slurm", "submitit_local")


class VectorizedLauncher(Launcher):
    """Trains jobs of one shape at once, then runs each job's task, which finds its fit done; all others run alone.

    Args:
        inner: Another launcher, which runs the parts of the work side by side: a name in conf/hydra/launcher.
        inner_options: Changes of that launcher's options.
        processes: Parts that the jobs of one shape are divided into.
        max_members: Members of a stack at most; None for as many as are fastest.
    """

    def __init__(
        self,
        inner: str = "basic",
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
            ("inner", self.inner, one_of(*INNER)),
            ("processes", self.processes, COUNT),
            ("max_members", self.max_members, or_null(COUNT)),
        )
        for key, value, rule in options:
            check(f"hydra.launcher.{key}", value, rule)

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
        # As many parts as processes, or more where there are more shapes.
        each = 1 if self.inner == "basic" else -(-self.processes // max(1, len(stacks)))
        parts = [part for group in stacks.values() for part in _divided(group, each)]
        singles = [part for group in alone.values() for part in _divided(group, len(group))]
        task = StackTask(
            [*parts, *singles],
            [*([True] * len(parts)), *([False] * len(singles))],
            self.task_function,
            self.hydra_context,
            self.max_members,
            str(self.config.hydra.launcher._target_),
        )
        returns = (
            self._inner(task, job_overrides[0]) if self.inner != "basic" else map(task.run, range(len(task.parts)))
        )
        by_number = {number: one for part in returns for number, one in part.items()}
        return [by_number[number] for number in jobs]

    def _inner(self, task: StackTask, overrides: Sequence[str]) -> list[dict[int, JobReturn]]:
        """Let the inner launcher run the parts, each as a job in a folder of its own."""
        options = [f"hydra.launcher.{key}={text(value)}" for key, value in self.inner_options.items()]
        loader = self.hydra_context.config_loader
        overrides_of_inner = [f"hydra/launcher={self.inner}", *options]
        launcher = loader.load_configuration("config", overrides_of_inner, RunMode.MULTIRUN).hydra.launcher
        config = self.config.copy()
        with open_dict(config):
            config.hydra.launcher = launcher
        inner = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task, config=config
        )
        own = [line for line in overrides if not line.startswith("hydra.sweep.subdir=")]
        folders = [f"hydra.sweep.subdir=.stacks/{number}" for number in range(len(task.parts))]
        return [one.return_value for one in inner.launch([[*own, folder] for folder in folders], 0)]


def _divided(group: Mapping[int, DictConfig], parts: int) -> list[dict[int, DictConfig]]:
    """A group in parts of about equal size, in order."""
    items, number = list(group.items()), min(parts, len(group))
    bounds = [len(items) * n // number for n in range(number + 1)]
    return [dict(items[bounds[n] : bounds[n + 1]]) for n in range(number)]
