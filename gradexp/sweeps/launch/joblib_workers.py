"""joblib's worker processes: they leave Ctrl-C to the sweep that started them, and end when it has ended."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from hydra.plugins.launcher import Launcher

from gradexp.interrupts import shielded_children, stop_first
from gradexp.workers import kill_workers, leave_interrupts_to


@contextmanager
def tied_workers(launcher: Launcher) -> Iterator[None]:
    """Tie the workers that the launcher starts within to this process, from their first line on.

    Without it a worker goes on with its job after the sweep was killed, and an idle one holds its memory for minutes.

    Args:
        launcher: Hydra's launcher; only joblib's is touched.
    """
    arguments: dict[str, Any] | None = getattr(launcher, "joblib", None)  # of joblib.Parallel
    if arguments is None:
        yield
        return
    from joblib.externals.loky.backend import resource_tracker as loky_tracker

    arguments |= {"initializer": leave_interrupts_to, "initargs": (os.getpid(),)}
    for tracker in (resource_tracker, loky_tracker):
        tracker.ensure_running()  # it unblocks the signals that are blocked next
    stop_first(kill_workers)  # joblib's own way needs psutil or pgrep
    with shielded_children():
        yield


def tie() -> None:
    """In a job: tie this process, if it is a worker that another sweeper than the grid made joblib start."""
    process, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    if "loky" in type(process).__module__ and parent is not None and parent.pid is not None:
        leave_interrupts_to(parent.pid)
