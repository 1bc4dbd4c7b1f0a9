"""Processes that work for another one: they leave Ctrl-C to it, and end when it has ended."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache


def leave_interrupts_to(parent: int) -> None:
    """In a worker process: ignore Ctrl-C, which the parent handles, and end when the parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    end_with(parent)


@cache
def end_with(parent: int) -> None:
    """End this process within a second after its parent has ended, by SIGKILL too, whatever this process does.

    Linux can send a signal then (PR_SET_PDEATHSIG), but does so when the thread ends that started this process.
    """
    threading.Thread(target=_end_with, args=(parent,), name="end with the parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def kill_workers() -> None:
    """Kill this process's workers, those of data loaders and of joblib, which Python would end at exit."""
    multiprocessing = sys.modules.get("multiprocessing")
    for worker in multiprocessing.active_children() if multiprocessing else ():
        with suppress(Exception):
            os.kill(worker.pid, signal.SIGKILL)
