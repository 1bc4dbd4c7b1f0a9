"""Giving jobs to Hydra's launcher until each has come to an end."""

import logging
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from gradexp.files import write_json
from gradexp.sweeps import job_folder
from gradexp.sweeps.axes import text
from gradexp.sweeps.manifest import PlannedJob

log = logging.getLogger(__name__)

CHANCES = 2  # times that a job may take its process along before it counts as failed


EXTRAS = {"hydra_joblib_launcher": "joblib", "hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}


def check_installed(target: str) -> None:
    """Raise ValueError where a launcher's class is of a plugin that is not installed."""
    plugin = target.split(".")[1]
    if plugin in EXTRAS and (find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None):
        raise ValueError(
            f"hydra/launcher must be installed; {plugin} is not. It comes with pip install 'gradexp[{EXTRAS[plugin]}]' "
            f"(in a checkout: uv sync --extra {EXTRAS[plugin]}); hydra/launcher=basic needs nothing."
        )


def run_jobs(launcher: Launcher, folder: Path, jobs: Sequence[PlannedJob]) -> None:
    """Launch the jobs that are not done; what failed before is repeated.

    Where the process of one job dies, launchers give up on all. So what has not come to an end is launched again, and
    a job that took its process along twice is set down as failed.

    Args:
        launcher: Hydra's.
        folder: The sweep's.
        jobs: With their folders.
    """
    waiting = [job for job in jobs if not job_folder.is_done(folder / job.folder)]
    for job in waiting:
        (folder / job.folder / job_folder.METRICS).unlink(missing_ok=True)
    deaths: Counter[str] = Counter()
    while waiting and not (folder / job_folder.STOPPED).exists():
        before = {job.folder: _start(folder / job.folder) for job in waiting}
        try:
            returns = launcher.launch([_overrides(folder, job) for job in waiting], int(waiting[0].folder))
        except Exception as error:
            started = [job for job in waiting if _start(folder / job.folder) != before[job.folder]]
            if not started:
                raise
            log.warning("the launcher gave up, and is given again what has not come to an end: %s", error)
            for job in started:
                if job_folder.state(folder / job.folder) == "interrupted":
                    deaths[job.folder] += 1
                    if deaths[job.folder] == CHANCES:
                        _set_down(folder / job.folder, f"its process died {CHANCES} times, out of memory? ({error})")
            waiting = [job for job in waiting if job_folder.outcome(folder / job.folder) is None]
            continue
        for job, job_return in zip(waiting, returns, strict=True):
            _note_failure(folder / job.folder, job_return)
        return


def _overrides(folder: Path, job: PlannedJob) -> list[str]:
    """What the job is launched with; its folder goes by the manifest, and is the same for workers elsewhere."""
    return [*job.overrides, f"hydra.sweep.dir={text(str(folder.absolute()))}", f"hydra.sweep.subdir={text(job.folder)}"]


def _start(folder: Path) -> int:
    """When the job last started: Hydra writes what it was typed with anew each time."""
    path = folder / ".hydra" / "overrides.yaml"
    return path.stat().st_mtime_ns if path.exists() else 0


def _note_failure(folder: Path, job_return: JobReturn) -> None:
    """A job that failed before it could write its own account has its reason set down."""
    untold = job_return.status is JobStatus.FAILED and job_folder.outcome(folder) is None
    if untold and not (folder.parent / job_folder.STOPPED).exists():
        _set_down(folder, str(job_return._return_value))


def _set_down(folder: Path, reason: str) -> None:
    write_json(folder / job_folder.METRICS, {"status": "failed", "reason": reason})
