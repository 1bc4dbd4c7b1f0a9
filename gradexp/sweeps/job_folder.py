"""A job's folder in a sweep: what became of the job, and who works on it."""

import json
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

State = Literal["completed", "diverged", "failed", "running", "interrupted", "planned"]

LOCK, METRICS, CHECKPOINT = ".lock", "metrics.json", "checkpoints/last.ckpt"
STARTED = ".started"  # in the job's folder: written anew whenever the job starts
STOPPED = ".stopped"  # in the sweep's folder: no further job is to start


class SweepStopped(RuntimeError):  # noqa: N818  # what is wanted, not a mistake
    """A job before this one failed, and `sweep.on_failure` is stop."""


def state(folder: Path) -> State:
    """What became of the job in `folder`: its own word where it has come to an end, else who works on it."""
    found = outcome(folder)
    if found is not None:
        ended: State = found["status"]
        return ended
    if not folder.is_dir():
        return "planned"
    return "running" if is_held(folder) else "interrupted"


def outcome(folder: Path) -> dict[str, Any] | None:
    """The content of the job's metrics.json, which it writes last; None as long as there is none."""
    path = folder / METRICS
    if not path.is_file():
        return None
    metrics: dict[str, Any] = json.loads(path.read_text())
    return metrics


def is_done(folder: Path) -> bool:
    """Whether the job has a result; one that failed has none and is repeated, one that diverged has."""
    found = outcome(folder)
    return found is not None and found["status"] in ("completed", "diverged")


def note_start(folder: Path) -> None:
    """Note that the job starts; its first act, before anything that may end its process."""
    (folder / STARTED).touch()


def last_start(folder: Path) -> int:
    """When the job last started, in nanoseconds; 0 where it never did."""
    path = folder / STARTED
    return path.stat().st_mtime_ns if path.exists() else 0


def hold(folder: Path) -> FileLock:
    """The lock of the one process that works on the job, to be entered; the system lets go of it with the process.

    So a sweep that is resumed waits for a worker which outlived the sweep that started it.
    """
    return FileLock(folder / LOCK)


def is_held(folder: Path) -> bool:
    """Whether a process works on the job now."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK).acquire(blocking=False):
            return False
    except Timeout:
        return True


def last_checkpoint(folder: Path) -> str | None:
    """From where a job that was cut goes on; None where it begins."""
    path = folder / CHECKPOINT
    return str(path) if path.is_file() else None


def stop(folder: Path) -> None:
    """Let no further job of this one's sweep start."""
    (folder.parent / STOPPED).touch()


def check_not_stopped(folder: Path) -> None:
    """Raise SweepStopped where no further job is to start."""
    if (folder.parent / STOPPED).exists():
        raise SweepStopped("not started, as a job before it failed and sweep.on_failure is stop")
