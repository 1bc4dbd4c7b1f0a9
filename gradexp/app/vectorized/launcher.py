"""Hydra's launcher that trains the jobs of a sweep in stacks."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.importing import importing
from gradexp.app.vectorized.groups import divided, grouped
from gradexp.app.vectorized.inner import remove_if_empty, run_parts, with_inner
from gradexp.app.vectorized.task import StackTask
from gradexp.configuration.values import as_typed, plain, without_hydra
from gradexp.rules import COUNT, SECTION, Rule, check, one_of, or_null
from gradexp.sweeps.launch.jobs import composed
from gradexp.sweeps.launch.output import is_silent
from gradexp.sweeps.plan.axes import text

FORKED = "forked"  # none of Hydra's launchers: processes forked from this one
INNER = ("basic", FORKED, "joblib", "ray", "ray_cluster", "submitit_slurm", "submitit_local")
# Seconds of jobs in one process: a further process of joblib's takes 5 to 10 to import what it needs, a forked one 0.1.
WORTH_PROCESSES = 20.0
WORTH_FORKS = 2.0


class VectorizedLauncher(Launcher):
    """Trains jobs of one shape at once, then runs each job's task, which finds its fit done; all others run alone.

    Args:
        inner: Another launcher, which runs the parts of the work side by side: a name in conf/hydra/launcher, or
            "forked" for processes forked from this one. None for these where a fork is possible, else for joblib, each
            where the jobs take long enough for processes to start; else for this process alone.
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
        self.inner, self.inner_options = inner, inner_options
        self.processes = processes
        self.max_members = max_members
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        options: tuple[tuple[str, Any, Rule], ...] = (
            ("inner", self.inner, or_null(one_of(*INNER))),
            ("inner_options", self.inner_options, or_null(SECTION)),
            ("processes", self.processes, COUNT),
            ("max_members", self.max_members, or_null(COUNT)),
        )
        for key, value, rule in options:
            check(f"hydra.launcher.{key}", value, rule)
        self.inner_options = plain(OmegaConf.create(dict(self.inner_options or {})))
        if self.inner_options and self.inner in (None, "basic", FORKED):
            raise ValueError(
                "hydra.launcher.inner_options must go with hydra.launcher.inner, a launcher that has options; got "
                f"{text(self.inner_options)} with inner={self.inner or 'null'}."
            )
        if self.inner == "basic" and self.processes > 1 and self._is_typed("processes"):
            raise ValueError(
                "hydra.launcher.processes must go with hydra.launcher.inner=forked, or another that starts processes; "
                f"got {self.processes} with inner=basic, one process."
            )
        if self.inner is not None:
            self._with_inner(self.inner)  # before anything is written
        reason = self._why_not_forked() if self.inner == FORKED else None
        if reason is not None:
            raise ValueError(
                f"hydra.launcher.inner must not be {FORKED} where processes cannot be forked: {reason}; got {FORKED}. "
                "joblib starts new processes."
            )

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        overrides = dict(enumerate(job_overrides, initial_job_idx))
        jobs = {number: composed(self.hydra_context, self.config, line, number) for number, line in overrides.items()}
        groups = grouped(jobs)
        for line in groups.lines(self.max_members):
            _say(line)
        inner = self.inner or self._fastest(list(groups.stacks.values()), sum(map(len, groups.alone.values())))
        each = 1 if inner == "basic" else self.processes
        parts = [part for group in groups.stacks.values() for part in divided(group, each)]
        singles = [part for group in groups.alone.values() for part in divided(group, len(group))]
        config = self._with_inner(inner)
        task = StackTask(
            [{number: overrides[number] for number in part} for part in (*parts, *singles)],
            self.config,
            len(parts),
            self.task_function,
            self.hydra_context,
            self.max_members,
            str(config.hydra.launcher._target_),
            is_silent(),
        )
        try:
            if inner in ("basic", FORKED):
                returns = task.run_here([*parts, *singles], each)
            else:
                returns = run_parts(config, self.hydra_context, task, job_overrides[0])
        finally:
            remove_if_empty(Path(str(self.config.hydra.sweep.dir)))
        by_number = {number: one for part in returns for number, one in part.items()}
        return [by_number[number] for number in jobs]

    def _with_inner(self, name: str) -> DictConfig:
        """The sweep's configuration with an inner launcher."""
        own = "basic" if name == FORKED else name
        return with_inner(self.hydra_context, self.config, own, self.inner_options or {})

    def _is_typed(self, option: str) -> bool:
        return any(f"hydra.launcher.{option}=" in line for line in as_typed(self.config.hydra.overrides.hydra))

    def _why_not_forked(self) -> str | None:
        from gradexp.app.vectorized.forked import why_not

        return why_not(self.config.trainer.accelerator)

    def _fastest(self, groups: Sequence[Mapping[int, DictConfig]], singles: int) -> str:
        """What runs jobs of these shapes, and further jobs that run alone: an inner launcher, or `FORKED`."""
        if self.processes == 1:
            return "basic"
        with importing():
            from gradexp.app.vectorized.cost import ALONE, END, seconds_of_stacks

        seconds = sum(map(len, groups)) * END + singles * ALONE
        keeps_cores_busy = sum(min(len(group), self.processes) for group in groups) + singles >= self.processes
        # Before a job is prepared here, for which polars may read a table: then this process must not be forked.
        if keeps_cores_busy and seconds > WORTH_FORKS and self._why_not_forked() is None:
            return FORKED
        seconds += sum(seconds_of_stacks(without_hydra(next(iter(group.values()))), len(group)) for group in groups)
        if keeps_cores_busy and self._why_not_forked() is None:
            return FORKED if seconds > WORTH_FORKS else "basic"
        has_joblib = find_spec("hydra_plugins.hydra_joblib_launcher") is not None
        return "joblib" if has_joblib and seconds > WORTH_PROCESSES else "basic"


def _say(line: str) -> None:
    Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)
