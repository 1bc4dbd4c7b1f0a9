"""Launches the jobs of a sweep until each has finished."""

import logging
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from gradexp.files import write_json
from gradexp.interrupts import received
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.joblib_workers import tied_workers
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import PlannedJob

log = logging.getLogger(__name__)

MAX_DEATHS = 2  # of a job's process, with no other job beside it, before the job counts as failed


class JobsWithoutResult(SystemExit):  # with its message the command line ends
    """A sweep has ended, and jobs of it have no result; its report is written."""


def run_jobs(launcher: Launcher, folder: Path, jobs: Sequence[PlannedJob], on_failure: str = "continue") -> None:
    """Launch the jobs that are not done; jobs that failed before are repeated.

    When the process of a job dies, launchers give up on all jobs, and the job that killed it cannot be told from those
    that ran beside it. So jobs that had not started are launched again first, then the interrupted jobs in halves,
    and halves of those, until a job is alone: stacks of many jobs are interrupted at once. A job whose process dies
    twice while it runs alone is recorded as failed.

    Args:
        launcher: Hydra's launcher.
        folder: The sweep's folder.
        jobs: The jobs, with their folders.
        on_failure: "continue", or "stop": no job starts after one has failed.
    """
    waiting = [job for job in jobs if not job_folder.is_done(folder / job.folder)]
    for job in waiting:
        # Asked again, as a process elsewhere may just have finished the job.
        if job_folder.state(folder / job.folder) == "failed":
            (folder / job.folder / job_folder.METRICS).unlink(missing_ok=True)
    suspects: deque[list[PlannedJob]] = deque()
    deaths: Counter[str] = Counter()
    while (waiting or suspects) and not (folder / job_folder.STOPPED).exists():
        launched = waiting or suspects.popleft()
        interrupted, error = _launch(launcher, folder, launched)
        if len(interrupted) == 1:
            (job,) = interrupted
            deaths[job.folder] += 1
            if deaths[job.folder] == MAX_DEATHS:
                _record_failure(
                    folder / job.folder, f"its process died {MAX_DEATHS} times, out of memory? ({_line(error)})"
                )
        if on_failure == "stop" and any(job_folder.state(folder / job.folder) == "failed" for job in launched):
            job_folder.stop_sweep(folder / launched[0].folder)
        left = [job for job in launched if job_folder.outcome(folder / job.folder) is None] if error else []
        suspects.extend(_halves([job for job in interrupted if job in left]))
        waiting = [job for job in left if job not in interrupted]


def _line(error: Exception | None) -> str:
    """The first line of an error: those of joblib have advice for programmers below."""
    return str(error).partition("\n")[0]


def _halves(jobs: list[PlannedJob]) -> list[list[PlannedJob]]:
    middle = (len(jobs) + 1) // 2
    return [half for half in (jobs[:middle], jobs[middle:]) if half]


def _launch(launcher: Launcher, folder: Path, jobs: Sequence[PlannedJob]) -> tuple[list[PlannedJob], Exception | None]:
    """Launch jobs; returns those that were interrupted if the launcher gave up, and its error.

    Raises:
        Exception: The launcher's, if no job had started.
    """
    before = {job.folder: job_folder.last_start(folder / job.folder) for job in jobs}
    try:
        with tied_workers(launcher):
            returns = launcher.launch([_overrides(folder, job) for job in jobs], int(jobs[0].folder))
    except Exception as error:
        if received():
            raise KeyboardInterrupt from error  # which the interruption became in the launcher
        started = [job for job in jobs if job_folder.last_start(folder / job.folder) != before[job.folder]]
        if not started:
            raise
        log.warning("the launcher gave up; unfinished jobs are launched again: %s", _line(error))
        return [job for job in started if job_folder.state(folder / job.folder) == "interrupted"], error
    for job, job_return in zip(jobs, returns, strict=True):
        _record_error(folder / job.folder, job_return)
    return [], None


def _overrides(folder: Path, job: PlannedJob) -> list[str]:
    """The job's overrides, with its folder from the manifest as an absolute path, for workers on other machines."""
    return [*job.overrides, f"hydra.sweep.dir={text(str(folder.absolute()))}", f"hydra.sweep.subdir={text(job.folder)}"]


def _record_error(folder: Path, job_return: JobReturn) -> None:
    """Record the reason of a job that failed before it could write its metrics.json."""
    is_unrecorded = job_return.status is JobStatus.FAILED and job_folder.outcome(folder) is None
    if is_unrecorded and not (folder.parent / job_folder.STOPPED).exists():
        _record_failure(folder, str(job_return._return_value))


def _record_failure(folder: Path, reason: str) -> None:
    write_json(folder / job_folder.METRICS, {"status": "failed", "reason": reason})
