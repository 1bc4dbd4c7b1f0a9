"""What one process of a vectorized sweep does: it trains jobs of one shape in stacks, and then runs their tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, configure_log
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.importing import importing
from gradexp.configuration.values import without_hydra
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch import own_gpu
from gradexp.sweeps.launch.jobs import composed, run_job

if TYPE_CHECKING:
    from gradexp.app.vectorized.progress import StackProgress


@dataclass(frozen=True)
class StackTask:
    """A task function for Hydra's launchers: the launched job with number n does the n-th part of the work.

    Attributes:
        parts: The command line of each job of each part, by the job's number. Launchers copy them to every process, so
            they are not whole configurations, of 0.2 MB each.
        sweep: The sweep's configuration.
        stacked: How many of the parts, the first ones, are jobs of one shape each; the others run one by one.
        task: What a single job runs.
        context: Hydra's.
        max_members: Members of a stack at most; None for as many as are fastest.
        launcher: `_target_` of the launcher that runs the parts.
        is_silent: Whether the progress of stacks is not shown: a sweep from Python has a bar of its own.
    """

    parts: Sequence[Mapping[int, Sequence[str]]]
    sweep: DictConfig
    stacked: int
    task: TaskFunction
    context: HydraContext
    max_members: int | None
    launcher: str
    is_silent: bool

    def __call__(self, cfg: DictConfig) -> dict[int, JobReturn]:
        number = int(HydraConfig.get().job.num)
        lines = self.parts[number].items()
        jobs = {one: composed(self.context, self.sweep, overrides, one) for one, overrides in lines}
        own_gpu.claim(_sweep_of(jobs), self.launcher)
        from gradexp.app.vectorized.progress import StackProgress  # which imports torch: after the claim

        progress = StackProgress(self._console(jobs), _epochs(jobs), number + 1, self.stacked)
        return self.run(number, jobs, progress)

    def run_here(self, parts: Sequence[Mapping[int, DictConfig]], processes: int = 1) -> list[dict[int, JobReturn]]:
        """Run all parts, their jobs composed: in this process, or in processes forked from it."""
        from gradexp.app.vectorized.forked import run_forked
        from gradexp.app.vectorized.progress import StackProgress

        stacked = {number: config for part in parts[: self.stacked] for number, config in part.items()}
        progress = StackProgress(self._console(stacked), _epochs(stacked))
        if processes > 1:
            return run_forked(len(parts), processes, lambda number, to: self.run(number, parts[number], to), progress)
        return [self.run(number, part, progress) for number, part in enumerate(parts)]

    def _console(self, jobs: Mapping[int, DictConfig]) -> Console:
        """Where the progress of jobs is shown."""
        is_shown = not self.is_silent and any(config.progress for config in jobs.values())
        return Console(stderr=True, quiet=not is_shown)

    def run(self, number: int, jobs: Mapping[int, DictConfig], progress: "StackProgress") -> dict[int, JobReturn]:
        """Run a part; returns what Hydra is told of each job, by the job's number."""
        first = next(iter(jobs.values()))
        sweep = _sweep_of(jobs)
        if number >= self.stacked:
            return {number: self._run(config, None) for number, config in jobs.items()}
        with importing():
            from gradexp.app.vectorized.stacks import Stacks

        numbers = {str(config.hydra.sweep.subdir): number for number, config in jobs.items()}
        returns: dict[int, JobReturn] = {}
        waiting = {}
        for name, number in numbers.items():
            if job_folder.last_checkpoint(sweep / name) is not None:  # it has begun alone, or has been trained
                returns[number] = self._run(jobs[number], None)
                progress.count(_epochs({number: jobs[number]}))
            else:
                waiting[name] = _task_config(jobs[number])
        for stack in Stacks(waiting, sweep, self.max_members, progress).train():
            for reason in {*stack.alone.values()} - {""}:
                progress.say(f"one by one: jobs of this shape, since {reason}")
            for name in (*stack.trained, *stack.alone):
                returns[numbers[name]] = self._run(jobs[numbers[name]], stack.trained.get(name), waiting[name])
            configure_log(first.hydra.hydra_logging, first.hydra.verbose)  # no longer into the last job's gradexp.log
        return returns

    def _run(self, config: DictConfig, trained: Any, cfg: DictConfig | None = None) -> JobReturn:
        """Run a job's own task, which gets `cfg` and finds its fit done if something was trained."""
        from gradexp.app.vectorized.trained import current

        token = current.set(trained)
        try:
            return run_job(self.context, self.task, config, cfg)
        finally:
            current.reset(token)


def _sweep_of(jobs: Mapping[int, DictConfig]) -> Path:
    """The folder of the sweep that jobs belong to."""
    return Path(str(next(iter(jobs.values())).hydra.sweep.dir))


def _epochs(jobs: Mapping[int, DictConfig]) -> int:
    """The epochs that jobs take in all."""
    return sum(config.trainer.max_epochs for config in jobs.values())


def _task_config(config: DictConfig) -> DictConfig:
    cfg = without_hydra(config)
    OmegaConf.set_readonly(cfg, True)
    return cfg
