"""What one process of a vectorized sweep does: it trains jobs of one shape in stacks, and then runs their tasks."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, configure_log
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.configuration.values import without_hydra
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch import own_gpu
from gradexp.sweeps.launch.jobs import run_job


@dataclass(frozen=True)
class StackTask:
    """A task function for Hydra's launchers: the launched job with number n does the n-th part of the work.

    Attributes:
        parts: The configurations of the jobs of each part, by the job's number; pickled, as a process needs few.
        stacked: How many of the parts, the first ones, are jobs of one shape each; the others run one by one.
        task: What a single job runs.
        context: Hydra's.
        max_members: Members of a stack at most; None for as many as are fastest.
        launcher: `_target_` of the launcher that runs the parts.
    """

    parts: Sequence[bytes]
    stacked: int
    task: TaskFunction
    context: HydraContext
    max_members: int | None
    launcher: str

    def __call__(self, cfg: DictConfig) -> dict[int, JobReturn]:
        return self.run(int(HydraConfig.get().job.num))

    def run(self, number: int) -> dict[int, JobReturn]:
        """Run a part; returns what Hydra is told of each job, by the job's number."""
        jobs: Mapping[int, DictConfig] = pickle.loads(self.parts[number])
        first = next(iter(jobs.values()))
        sweep = Path(str(first.hydra.sweep.dir))
        own_gpu.claim(sweep, self.launcher)
        if number >= self.stacked:
            return {number: self._run(config, None) for number, config in jobs.items()}
        from gradexp.app.quiet import quiet_libraries
        from gradexp.app.vectorized.stacks import Stacks
        from gradexp.callbacks.progress_bar import ProgressBar

        quiet_libraries()
        numbers = {str(config.hydra.sweep.subdir): number for number, config in jobs.items()}
        returns: dict[int, JobReturn] = {}
        waiting = {}
        for name, number in numbers.items():
            (sweep / name).mkdir(parents=True, exist_ok=True)
            if job_folder.last_checkpoint(sweep / name) is not None:  # it has begun alone, or has been trained
                returns[number] = self._run(jobs[number], None)
            else:
                job_folder.mark_started(sweep / name)
                waiting[name] = _task_config(jobs[number])
        console, said = Console(stderr=True), {""}
        shows_progress = console.is_terminal and first.progress
        bar = ProgressBar(console if shows_progress else Console(quiet=True))
        for stack in Stacks(waiting, sweep, self.max_members, bar).train():
            for reason in {*stack.alone.values()} - said:
                line = f"one by one: jobs of this shape, since {reason}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            said |= {*stack.alone.values()}
            for name in (*stack.trained, *stack.alone):
                returns[numbers[name]] = self._run(jobs[numbers[name]], stack.trained.get(name))
            configure_log(first.hydra.hydra_logging, first.hydra.verbose)  # no longer into the last job's gradexp.log
        return returns

    def _run(self, config: DictConfig, trained: Any) -> JobReturn:
        """Run a job's own task, which finds its fit done if something was trained."""
        from gradexp.app.vectorized.trained import current

        token = current.set(trained)
        try:
            return run_job(self.context, self.task, config)
        finally:
            current.reset(token)


def _task_config(config: DictConfig) -> DictConfig:
    cfg = without_hydra(config)
    OmegaConf.set_readonly(cfg, True)
    return cfg
