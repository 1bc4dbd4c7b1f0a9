"""A job that kills its process does not fail the jobs that ran at the same time."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from gradexp.files import write_json
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.run_jobs import run_jobs
from gradexp.sweeps.plan.manifest import PlannedJob


class Pool(Launcher):
    """Simulates a pool of processes: if one of them dies, the pool and all of its running jobs end.

    Loky's executor (TerminatedWorkerError) and the standard library's (BrokenProcessPool) behave in this way.

    Args:
        workers: Jobs at a time.
        deaths: How many times each job kills its process.
    """

    def __init__(self, workers: int, deaths: dict[str, int]) -> None:
        self.workers = workers
        self.deaths = Counter(deaths)
        self.starts: Counter[str] = Counter()
        self.launches = 0

    def setup(self, **arguments: Any) -> None:
        """Nothing to set up."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        self.launches += 1
        names = [line[-1].partition("=")[2].strip("'") for line in job_overrides]
        for start in range(0, len(names), self.workers):
            batch = names[start : start + self.workers]
            for name in batch:
                Path("sweep", name).mkdir(parents=True, exist_ok=True)
                job_folder.mark_started(Path("sweep", name))
                self.starts[name] += 1
            dying = [name for name in batch if self.deaths[name] > 0]
            if dying:
                self.deaths.subtract(dying)
                raise RuntimeError("A worker process managed by the executor was unexpectedly terminated.")
            for name in batch:
                write_json(Path("sweep", name, "metrics.json"), {"status": "completed"})
        return [JobReturn(status=JobStatus.COMPLETED) for _ in names]


def states(pool: Pool, number: int = 5) -> list[str]:
    planned = [PlannedJob(str(name), "grid", [], {}) for name in range(number)]
    run_jobs(pool, Path("sweep"), planned)
    return [job_folder.state(Path("sweep", job.folder)) for job in planned]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_job_that_dies_once_completes_the_second_time(workers: int) -> None:
    assert states(Pool(workers, {"1": 1})) == ["completed"] * 5


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_other_jobs_complete_if_one_always_dies(workers: int) -> None:
    pool = Pool(workers, {"1": 99})
    assert states(pool) == ["completed", "failed", "completed", "completed", "completed"]
    assert "died" in json.loads(Path("sweep/1/metrics.json").read_text())["reason"]
    assert pool.starts["1"] < 9


def test_on_failure_stop_starts_no_job_after_a_dead_one() -> None:
    pool = Pool(1, {"1": 99})
    run_jobs(pool, Path("sweep"), [PlannedJob(str(name), "grid", [], {}) for name in range(5)], "stop")
    assert job_folder.state(Path("sweep/1")) == "failed"
    assert (Path("sweep") / job_folder.STOPPED).exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_other_jobs_complete_if_two_always_die(workers: int) -> None:
    assert states(Pool(workers, {"1": 99, "2": 99})) == ["completed", "failed", "failed", "completed", "completed"]


def test_of_many_jobs_that_die_together_halves_are_launched_again() -> None:
    pool = Pool(64, {"5": 99})
    assert states(pool, 64).count("completed") == 63
    assert pool.launches <= 1 + 2 * 6 + 1  # all; two halves of 64, 32, ..., 2; and the guilty one again
