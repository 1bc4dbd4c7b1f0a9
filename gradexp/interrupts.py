"""Ctrl-C and SIGTERM: one line that says how to continue, and an end within seconds, whatever the process does.

Python's KeyboardInterrupt alone does not suffice: libraries turn it into other errors, destructors and C code lose it,
and it breaks locks that later code waits for. So a thread, which the signal wakes through a pipe, prints the line and
ends the process after `PATIENCE` seconds. Meanwhile KeyboardInterrupt in the main thread gives callbacks, loggers and
launchers the chance to end properly, without a word: standard error is closed after the line.

Only the command line installs this; `gradexp.run` leaves signals alone. Nothing heavy is imported here, so that Ctrl-C
works from the first line of the program on.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from gradexp.workers import end_with, kill_workers

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 3.0  # seconds for callbacks, loggers and launchers
THREAD, COMMAND = "interrupts", "python -m gradexp"  # the name of the thread that waits for them; what is typed
SWEEP_JOB = "GRADEXP_SWEEP_JOB"  # in the environment of a process for one job of a sweep: that job's folder


class _Watch:
    """The handlers of a process, and the thread that the signals wake.

    Attributes:
        signum: The first signal received.
        has_work: Whether something must end properly; if not, the process ends at once.
        how_to_continue: Gives the command that continues, or a remark; must not import anything, as the main thread may
            hold the lock of an import.
        stop_first: Called before the line is printed.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.has_work = False
        self.how_to_continue: Callable[[], str | None] = as_typed
        self.stop_first: list[Callable[[], object]] = []
        # Lightning starts the other processes of DDP by the same command. The first one ends them, and prints.
        self._is_first = os.environ.get("LOCAL_RANK", "0") == "0"
        self._is_silent = not self._is_first or SWEEP_JOB in os.environ  # the sweep prints its own line
        self._has_raised = False
        self._line_is_out = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)

    def start(self) -> None:
        self._pipe, to_pipe = os.pipe()
        os.set_blocking(to_pipe, False)
        self._to_pipe = to_pipe
        self._thread.start()
        signal.set_wakeup_fd(to_pipe, warn_on_full_buffer=False)
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:  # nohup, and a shell's background jobs, ignore signals on purpose
                signal.signal(number, self._handle)
        if not self._is_first:
            end_with(os.getppid())

    def stop(self) -> None:
        """Restore the handlers of before."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._is_over.set()
        os.write(self._to_pipe, b"\0")
        self._thread.join()
        for descriptor in (self._pipe, self._to_pipe):
            os.close(descriptor)

    def finish(self) -> None:
        """Called last at exit, while the thread still runs: later Python ends it, and C libraries may wait forever."""
        if self.signum is not None:
            with suppress(Exception):
                sys.stdout.flush()
            os._exit(128 + self.signum)
        for number in SIGNALS:
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_DFL)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.signum = self.signum or signum
        if self._is_first and not self._has_raised:
            self._has_raised = True
            self._line_is_out.wait(1)
            raise KeyboardInterrupt

    def _run(self) -> None:
        number = 0
        while number not in SIGNALS:
            number = os.read(self._pipe, 1)[0]
            if number == 0:
                return
        self.signum = self.signum or number
        self._print_line()
        self._line_is_out.set()
        if self.has_work or _traceback_wanted() or not self._is_first:
            self._is_over.wait(PATIENCE if self._is_first else PATIENCE + 1)
        if not self._is_over.is_set():
            kill_workers()
            os._exit(128 + self.signum)

    def _print_line(self) -> None:
        line = "interrupted"
        with suppress(Exception):
            how = self.how_to_continue()
            line += f"; {how}" if how else ""
        error = -1
        with suppress(OSError):
            error = os.dup(2)
            if not _traceback_wanted():
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        if self._is_silent:
            return
        for stop in self.stop_first:
            with suppress(Exception):
                stop()
        with suppress(OSError):
            # On a terminal a progress bar has hidden the cursor, and stands in the line.
            start = "\x1b[?25h\n" if os.isatty(error) else ""
            os.write(error, f"{start}{line}\n".encode())


_watch: _Watch | None = None


def install() -> None:
    """Handle SIGINT and SIGTERM until the process ends; called before anything else is imported."""
    global _watch
    if _watch is None and threading.current_thread() is threading.main_thread():
        _watch = _Watch()
        atexit.register(_watch.finish)  # registered first, so called last
        _watch.start()


@contextmanager
def handled() -> Iterator[None]:
    """Handle SIGINT and SIGTERM within, if nobody does yet and this is the main thread.

    Raises:
        SystemExit: One of them came; the status is the shell's, 130 or 143.
    """
    global _watch
    is_own = _watch is None and threading.current_thread() is threading.main_thread()
    if is_own:
        _watch = _Watch()
        _watch.start()
    watch = _watch
    try:
        try:
            yield
        finally:
            if watch is not None and watch.signum is not None:
                kill_workers()  # else those of a data loader print that they have lost this process
                if _traceback_wanted():
                    import traceback

                    traceback.print_exc()
                raise SystemExit(128 + watch.signum)
    finally:
        if is_own and watch is not None:
            watch.stop()
            _watch = None


def begin_work(how_to_continue: Callable[[], str | None] | None = None) -> None:
    """From now on let the main thread end properly when a signal comes.

    Args:
        how_to_continue: Gives what the line says after "interrupted"; must not import anything. None: as before.
    """
    if _watch is not None:
        _watch.has_work = True
        if how_to_continue is not None:
            _watch.how_to_continue = how_to_continue


def stop_first(stop: Callable[[], object]) -> None:
    """When a signal comes, call `stop` before the line is printed: of processes that print errors if this one ends."""
    if _watch is not None:
        _watch.stop_first.append(stop)


def received() -> bool:
    """Whether a signal came."""
    return _watch is not None and _watch.signum is not None


def command(*overrides: str) -> str:
    """The command as it is typed in a shell."""
    import shlex  # not above: nothing can be interrupted before this file is imported

    return f"{COMMAND} {shlex.join(overrides)}"


def continue_by(*overrides: str) -> str:
    """The remark with the command that continues."""
    return f"continue with: {command(*overrides)}"


def typed_again() -> list[str] | None:
    """What was typed, if it resumes: where nothing has been saved since, that is typed again."""
    resumes = any(argument.lstrip("+").startswith(("ckpt_path=", "sweep.resume=")) for argument in sys.argv[1:])
    return sys.argv[1:] if resumes else None


def as_typed() -> str | None:
    """The remark of a process that has saved nothing."""
    return continue_by(*typed) if (typed := typed_again()) else None


@contextmanager
def shielded_children() -> Iterator[None]:
    """Start processes in the main thread that block both signals until `workers.leave_interrupts_to`.

    The handlers still run: this process receives the signals in the thread of this module.
    """
    if _watch is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _traceback_wanted() -> bool:
    """As `gradexp.app.errors` has it, which takes longer to import."""
    return os.environ.get("GRADEXP_FULL_ERROR", os.environ.get("HYDRA_FULL_ERROR", "0")) == "1"


def _leave_interrupts_to_the_parent() -> None:
    """In a forked process, such as a data loader's worker: its parent handles Ctrl-C."""
    global _watch
    if _watch is not None:
        _watch = None
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


os.register_at_fork(after_in_child=_leave_interrupts_to_the_parent)
