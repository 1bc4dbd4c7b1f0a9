"""Processes forked from this one: they begin at once, as nothing is imported again."""

import multiprocessing
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from gradexp import interrupts
from gradexp.workers import kill_workers, leave_interrupts_to

Item = TypeVar("Item")
Result = TypeVar("Result")

_shared: tuple[Callable[[Any], Any], Sequence[Any]]  # in a forked process: what is done, and to what


def why_not_forked() -> str | None:
    """Why this process must not be forked; None if it may be.

    A fork copies a process with the one thread that calls it, and a lock that another thread holds stays locked in
    the copy. So only a process without further threads of Python's is forked. Nor are torch's own threads copied:
    what runs in the copy uses one thread of torch, or none.
    """
    if sys.platform != "linux":
        return "the system is not Linux"
    others = {thread.name for thread in threading.enumerate()} - {threading.main_thread().name, interrupts.THREAD}
    return f"the process has a thread {min(others)}" if others else None


@contextmanager
def unwarned() -> Iterator[None]:
    """Within it, Python 3.12 does not warn of a fork beside another thread, such as ours that waits for signals."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
        yield


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item], processes: int) -> list[Result]:
    """What `work` returns for each item: in forked processes, or here where there is one or no fork is possible.

    Args:
        work: It uses no torch. Only its results are pickled.
        items: What it gets, one at a time.
        processes: How many run at once.

    Raises:
        Exception: What `work` raised.
        concurrent.futures.process.BrokenProcessPool: A process died.
    """
    processes = min(processes, len(items))
    if processes < 2 or why_not_forked() is not None:
        return [work(item) for item in items]
    context = multiprocessing.get_context("fork")
    interrupts.stop_first(kill_workers)
    with unwarned(), ProcessPoolExecutor(processes, context, _begin, (os.getpid(), work, items)) as pool:
        return list(pool.map(_nth, range(len(items))))


def _begin(parent: int, work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    global _shared
    leave_interrupts_to(parent)
    _shared = work, items


def _nth(number: int) -> Any:
    work, items = _shared
    return work(items[number])
