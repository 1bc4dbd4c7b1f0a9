"""Parts of a vectorized sweep in processes forked from this one, each with one thread of torch (see forks.py)."""

import io
import multiprocessing
import os
import pickle
import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch
from hydra.core.utils import JobReturn

from gradexp import interrupts
from gradexp.app.vectorized.progress import RelayedProgress, StackProgress
from gradexp.engine.threads import VARIABLE
from gradexp.forks import unwarned, why_not_forked
from gradexp.sweeps.launch.resources import gpu_count
from gradexp.workers import kill_workers, leave_interrupts_to

Returns = dict[int, JobReturn]
Run = Callable[[int, StackProgress], Returns]


def why_not(accelerator: str) -> str | None:
    """Why this process must not be forked for jobs with this `trainer.accelerator`; None if it may be."""
    if gpu_count(accelerator):
        return "the jobs run on a GPU"
    return why_not_forked() or ("polars has threads, as a table was read" if _has_threads_of_polars() else None)


def _has_threads_of_polars() -> bool:
    """Whether polars has worked in this process: it waits for ever in a copy, which lacks its threads."""
    for name in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):  # the thread has just ended
            if re.match(r"polars-\d", name.read_text()):  # of its pool; one of another name starts with the import
                return True
    return False


def run_forked(parts: int, processes: int, run: Run, progress: StackProgress) -> list[Returns]:
    """Run parts in forked processes, each of which takes the next part when it has finished one.

    What they print is printed here, in whole lines. The configurations in a job's return stay behind: nobody reads
    them, and those of 1,000 jobs take 200 MB.

    Args:
        parts: How many parts there are.
        processes: How many run at once.
        run: Runs the part with a number.
        progress: Shows the progress of all parts.

    Raises:
        RuntimeError: A process died.
        BaseException: What a part raised.
    """
    returns: dict[int, Returns] = {}
    waiting = deque(range(parts))
    workers = [_Worker(run, number) for number in range(min(processes, parts))]
    interrupts.stop_first(kill_workers)
    try:
        for worker in workers:
            worker.connection.send(waiting.popleft())
        while len(returns) < parts:
            ready = wait([worker.connection for worker in workers])
            for worker in (worker for worker in workers if worker.connection in ready):
                kind, content = worker.receive()
                if kind == "print":
                    progress.hide()
                    _print(*content)
                elif kind == "progress":
                    _show(progress, worker.number, *content)
                elif kind == "raised":
                    raise content
                else:
                    number, returns[number] = content
                    if waiting:
                        worker.connection.send(waiting.popleft())
        for worker in workers:
            worker.connection.send(None)
        return [returns[number] for number in range(parts)]
    except BaseException:
        kill_workers()
        raise
    finally:
        progress.hide()
        for worker in workers:
            worker.process.join()
            worker.connection.close()


class _Worker:
    """A forked process, and the connection to it."""

    def __init__(self, run: Run, number: int) -> None:
        self.number = number
        self.connection, theirs = multiprocessing.Pipe()
        target = multiprocessing.get_context("fork").Process(target=_work, args=(theirs, os.getpid(), run))
        with unwarned():
            target.start()
        self.process = target
        theirs.close()  # else nobody notices the end of the process

    def receive(self) -> tuple[str, Any]:
        try:
            kind, content = self.connection.recv()
        except (EOFError, ConnectionError):
            if interrupts.received():  # by which the process was killed
                raise KeyboardInterrupt from None
            self.process.join()
            code = self.process.exitcode
            how = f"by signal {-code}" if code is not None and code < 0 else f"with status {code}"
            raise RuntimeError(f"a process of the sweep ended {how}") from None
        return kind, content


def _print(stream: int, text: str) -> None:
    file = sys.stdout if stream == 1 else sys.stderr
    file.write(text)
    file.flush()


def _show(progress: StackProgress, process: int, name: str, arguments: tuple[Any, ...]) -> None:
    """Tell what a process has told its `RelayedProgress`."""
    if name == "say":
        progress.say(*arguments)
    elif name == "show":
        epochs, monitor, best = arguments
        progress.advance(epochs, process)
        if progress.is_due():
            progress.show(epochs, monitor, best, process)
    else:
        getattr(progress, name)(*arguments, process=process)


def _work(connection: Connection, parent: int, run: Run) -> None:
    """In a forked process: run the parts whose numbers come, until None comes."""
    leave_interrupts_to(parent)
    os.environ[VARIABLE] = "1"
    torch.set_num_threads(1)
    lock = threading.Lock()

    def send(kind: str, content: Any) -> None:
        with lock:  # loggers write in threads of their own
            connection.send((kind, content))

    sys.stdout, sys.stderr = _Lines(1, send), _Lines(2, send)
    progress = RelayedProgress(lambda name, arguments: send("progress", (name, arguments)))
    while (number := connection.recv()) is not None:
        try:
            send("done", (number, {job: _sent(one) for job, one in run(number, progress).items()}))
        except BaseException as error:
            send("raised", _error(error))


class _Lines(io.TextIOBase):
    """A stream of a forked process, which sends whole lines to the first process."""

    def __init__(self, descriptor: int, send: Callable[[str, Any], None]) -> None:
        self._descriptor, self._send = descriptor, send
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        lines, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self._send("print", (self._descriptor, lines + end))
        return len(text)


def _sent(one: JobReturn) -> JobReturn:
    one.cfg = one.hydra_cfg = None
    if isinstance(one._return_value, Exception):
        one._return_value = _error(one._return_value)
    return one


def _error(error: BaseException) -> BaseException:
    """An error as it can be sent: some libraries' cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(str(error))
    return error
