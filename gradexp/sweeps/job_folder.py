"""The folder of a run or a job: its status, and which process works on it."""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from gradexp.configuration.environment import ENVIRONMENT
from gradexp.configuration.files import HYDRA_FOLDER, read_job_config, read_overrides
from gradexp.files import naming, remove_temporary_files
from gradexp.untrusted import LIMIT, read_json

State = Literal["completed", "diverged", "failed", "running", "interrupted", "planned"]

LOCK, METRICS, CHECKPOINT = ".lock", "metrics.json", "checkpoints/last.ckpt"
HOLDER = ".holder"  # beside the lock: who holds it, in words
STARTED = ".started"  # in the job's folder: touched whenever the job starts
STACKS = ".stacks"  # in the sweep's folder: the states of jobs that are trained at once
STOPPED = ".stopped"  # in the sweep's folder: no further job starts

RECORD = "the record that a run writes when it ends"  # what metrics.json is
ENDED = ("completed", "diverged", "failed")
TEXTS = ("reason", "monitor", "data", "config_hash", "asked_hash", "diagnosis", "never_predicted", "target_name",
         *ENVIRONMENT)  # fmt: skip
NUMBERS = ("epochs", "steps", "seed", "classes", "parameters", "predictions", "target_std", "threads")


class SweepStopped(RuntimeError):  # noqa: N818  # intended, not a mistake
    """A job before this one failed, and `sweep.on_failure` is stop."""


def state(folder: Path) -> State:
    """The recorded status of a finished job; otherwise inferred from its folder and lock."""
    found = outcome(folder)
    if found is not None:
        ended: State = found["status"]
        return ended
    if not folder.is_dir():
        return "planned"
    return "running" if is_locked(folder) else "interrupted"


def outcome(folder: Path) -> dict[str, Any] | None:
    """The content of the job's metrics.json, which it writes last; None before that."""
    path = folder / METRICS
    if not path.exists():
        return None
    wrong = "" if path.is_file() else "it is a folder"
    content: Any = None if wrong else read_json(path, RECORD)
    wrong = wrong or _wrong(content)
    if wrong:
        raise ValueError(f"{path} must be {RECORD}; {wrong}. Delete it, and the job counts as interrupted.")
    # What was not measured is absent: a metric that was not finite is null in the file.
    return {key: value for key, value in content.items() if value is not None}


def _wrong(content: Any) -> str:
    """What is wrong with the content of a metrics.json; "" if nothing is."""
    if not isinstance(content, dict):
        return f"it is a {type(content).__name__}, not an object"
    if content.get("status") not in ENDED:
        return f"its status must be one of {', '.join(ENDED)}; got {content.get('status')!r}"
    monitor = content.get("monitor")
    for key, value in content.items():
        if key in TEXTS and not isinstance(value, str | None):
            return f"its {key} must be text; got {value!r}"
        is_number = isinstance(value, int | float | None) and not isinstance(value, bool)
        if ("/" in key or key in NUMBERS or key == monitor) and not is_number:
            return f"its {key} must be a number; got {value!r}"
        if isinstance(value, int) and abs(value) >= LIMIT:
            return f"its {key} must be a number below 2^63; got one of {len(str(abs(value)))} digits"
    resumed = content.get("resumed", [])
    if not isinstance(resumed, list) or not all(map(_is_change, resumed)):
        return f"its resumed must be a list of changes, each with step, key, old and new; got {resumed!r}"
    mode = content.get("monitor_mode")
    return "" if mode in ("max", "min", None) else f"its monitor_mode must be max or min; got {mode!r}"


def _is_change(change: Any) -> bool:
    """Whether this is a setting that changed when a run was resumed."""
    if not isinstance(change, dict) or not {"step", "key", "old", "new"} <= change.keys():
        return False
    step = change["step"]
    return isinstance(step, int) and not isinstance(step, bool) and 0 <= step < LIMIT and isinstance(change["key"], str)


def check_records(folders: Iterable[Path]) -> None:
    """Check what jobs have recorded, before anything is written or runs.

    Raises:
        ValueError: A metrics.json, or a file of .hydra, is damaged.
    """
    for folder in folders:
        outcome(folder)
        read_job_config(folder)
        read_overrides(folder)


def score_name(metrics: Mapping[str, Any]) -> str:
    """The key of the monitored metric of the weights that are tested, those in best.ckpt.

    Tasks that do not train have no best.ckpt; theirs is the metric itself.
    """
    monitor = str(metrics.get("monitor"))
    best = f"best/{monitor}"
    return best if best in metrics else monitor


def score(metrics: Mapping[str, Any]) -> float | None:
    """The value of that metric; None if it was not measured."""
    found: float | None = metrics.get(score_name(metrics))
    return found


def was_changed(metrics: Mapping[str, Any], overrides: Iterable[str]) -> bool:
    """Whether someone resumed the job with other settings than those of its planned command line."""
    return "resumed" in metrics and not any(line.startswith("ckpt_path=") for line in overrides)


def is_done(folder: Path) -> bool:
    """Whether the job has a result. A diverged job has one; a failed job has none and is repeated."""
    found = outcome(folder)
    return found is not None and found["status"] in ("completed", "diverged")


def mark_started(folder: Path) -> None:
    """Record that the job starts; called first, before anything that may end its process."""
    (folder / STARTED).touch()


def last_start(folder: Path) -> int:
    """When the job last started, in nanoseconds; 0 if it never did."""
    path = folder / STARTED
    return path.stat().st_mtime_ns if path.exists() else 0


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock of the one process that works on the job; the system releases it when the process ends.

    A resumed sweep waits by it for workers that outlived the sweep which started them.
    """
    with FileLock(folder / LOCK), _named_holder(folder):
        _remove_temporary_files(folder)
        yield


@contextmanager
def lock_run(folder: Path, ckpt_path: str | None) -> Iterator[None]:
    """Hold the lock of a run outside a sweep, which does not wait; the file is removed if it was not there before.

    Args:
        folder: The run's folder.
        ckpt_path: The checkpoint, if the run resumes in this folder.

    Raises:
        ValueError: Another process works in the folder.
    """
    path = folder / LOCK
    is_new = not path.exists()
    held = FileLock(path)
    try:
        held.acquire(blocking=False)
    except Timeout:
        holder = folder / HOLDER
        who = holder.read_text() if holder.exists() else "another process"
        rule = f"hydra.run.dir must be a folder that no other run uses; got {folder}, which {who} uses."
        if ckpt_path is not None:
            rule = f"ckpt_path must be of a run that no process works on; got {ckpt_path}, whose run is {who}."
        raise ValueError(f"{rule} Wait until it ends, or type another hydra.run.dir.") from None
    try:
        with _named_holder(folder):
            _remove_temporary_files(folder)
            yield
    finally:
        if is_new:
            with suppress(OSError):  # before the release, so that no other process has locked it
                path.unlink()
        held.release()


def _remove_temporary_files(folder: Path) -> None:
    """Remove what a killed process left in a run's folder."""
    record = folder / HYDRA_FOLDER
    remove_temporary_files(folder, folder / "checkpoints", folder / "figures", record, *record.glob("resumed_*"))


@contextmanager
def _named_holder(folder: Path) -> Iterator[None]:
    """Record this process as the holder of the lock."""
    holder = folder / HOLDER
    with naming(holder):
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()} (since {datetime.now():%Y-%m-%d %H:%M:%S})")
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)


def is_locked(folder: Path) -> bool:
    """Whether a process works on the job now."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK).acquire(blocking=False):
            return False
    except Timeout:
        return True


def last_checkpoint(folder: Path) -> str | None:
    """The checkpoint from which an interrupted job resumes; None if it has none."""
    path = folder / CHECKPOINT
    return str(path) if path.is_file() else None


def stop_sweep(folder: Path) -> None:
    """Keep further jobs of this job's sweep from starting."""
    (folder.parent / STOPPED).touch()


def is_stopped(sweep: Path) -> bool:
    """Whether no further job of a sweep starts."""
    return (sweep / STOPPED).exists()


def check_not_stopped(folder: Path) -> None:
    """Raise SweepStopped if the job's sweep was stopped."""
    if is_stopped(folder.parent):
        raise SweepStopped("not started: an earlier job failed, and sweep.on_failure is stop")
