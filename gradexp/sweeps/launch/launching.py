"""Giving jobs to Hydra's launcher until each has come to an end."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from gradexp.files import write_json
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import PlannedJob

log = logging.getLogger(__name__)

CHANCES = 2  # times that a job may take its process along before it counts as failed


def run_jobs(launcher: Launcher, folder: Path, jobs: Sequence[PlannedJob], on_failure: str = "continue") -> None:
    """Launch the jobs that are not done; what failed before is repeated.

    Where the process of one job dies, launchers give up on all, and which job it was cannot be told from those that ran
    beside it. So what had not begun is launched again, and then each that was cut by itself. A job that takes its
    process along twice with no other beside it is set down as failed.

    Args:
        launcher: Hydra's.
        folder: The sweep's.
        jobs: With their folders.
        on_failure: "continue", or "stop" where none is to start after one that failed.
    """
    waiting = [job for job in jobs if not job_folder.is_done(folder / job.folder)]
    for job in waiting:
        if (
            job_folder.state(folder / job.folder) == "failed"
        ):  # and not what a process elsewhere has just brought to its end
            (folder / job.folder / job_folder.METRICS).unlink(missing_ok=True)
    suspects: list[PlannedJob] = []
    deaths: Counter[str] = Counter()
    while (waiting or suspects) and not (folder / job_folder.STOPPED).exists():
        launched = waiting or suspects[:1]
        cut, error = _launch(launcher, folder, launched)
        if len(cut) == 1:
            (job,) = cut
            deaths[job.folder] += 1
            if deaths[job.folder] == CHANCES:
                _set_down(folder / job.folder, f"its process died {CHANCES} times, out of memory? ({error})")
        if on_failure == "stop" and any(job_folder.state(folder / job.folder) == "failed" for job in launched):
            job_folder.stop(folder / launched[0].folder)
        left = [job for job in launched if job_folder.outcome(folder / job.folder) is None] if error else []
        suspects = [*(job for job in suspects if job not in launched), *(job for job in cut if job in left)]
        waiting = [job for job in left if job not in cut]


def _launch(launcher: Launcher, folder: Path, jobs: Sequence[PlannedJob]) -> tuple[list[PlannedJob], Exception | None]:
    """Give jobs to the launcher; those that were cut where it gave up, and the error that it gave up by.

    Raises:
        Exception: The launcher's, where no job had begun.
    """
    before = {job.folder: job_folder.last_start(folder / job.folder) for job in jobs}
    try:
        returns = launcher.launch([_overrides(folder, job) for job in jobs], int(jobs[0].folder))
    except Exception as error:
        begun = [job for job in jobs if job_folder.last_start(folder / job.folder) != before[job.folder]]
        if not begun:
            raise
        log.warning("the launcher gave up, and is given again what has not come to an end: %s", error)
        return [job for job in begun if job_folder.state(folder / job.folder) == "interrupted"], error
    for job, job_return in zip(jobs, returns, strict=True):
        _note_failure(folder / job.folder, job_return)
    return [], None


def _overrides(folder: Path, job: PlannedJob) -> list[str]:
    """What the job is launched with; its folder goes by the manifest, and is the same for workers elsewhere."""
    return [*job.overrides, f"hydra.sweep.dir={text(str(folder.absolute()))}", f"hydra.sweep.subdir={text(job.folder)}"]


def _note_failure(folder: Path, job_return: JobReturn) -> None:
    """A job that failed before it could write its own account has its reason set down."""
    untold = job_return.status is JobStatus.FAILED and job_folder.outcome(folder) is None
    if untold and not (folder.parent / job_folder.STOPPED).exists():
        _set_down(folder, str(job_return._return_value))


def _set_down(folder: Path, reason: str) -> None:
    write_json(folder / job_folder.METRICS, {"status": "failed", "reason": reason})
