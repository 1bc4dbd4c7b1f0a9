"""Ctrl-C and SIGTERM end the command with one line and the shell's status, whatever it does at that moment."""

import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gradexp import interrupts, run
from tests.command_line import call
from tests.interrupts import PHASES, QUICK, Case, interrupt
from tests.sweeps.small import same_weights


@pytest.fixture(autouse=True, scope="module")
def unignored() -> Iterator[None]:
    """Ctrl-C is not ignored, as it is by a process that was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(signum: int = signal.SIGINT) -> None:
    """Send a signal to this process, which must not get further."""
    os.kill(os.getpid(), signum)
    time.sleep(2)
    pytest.fail("the signal was lost")


def handled(work: Callable[[], None], how_to_continue: Callable[[], str] | None = None) -> None:
    """Do the work as the command line does."""
    with interrupts.handled():
        interrupts.begin_work(how_to_continue)
        work()


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_prints_one_line_and_exits_with_the_shells_status(
    signum: int, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with pytest.raises(SystemExit) as end:
        handled(lambda: send(signum), lambda: interrupts.continue_by("ckpt_path='a b'"))
    assert end.value.code == status
    assert capfd.readouterr().err == """interrupted; continue with: python -m gradexp 'ckpt_path='"'"'a b'"'"''\n"""
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == before


def ends_in_an_error() -> None:
    try:
        send()
    except KeyboardInterrupt as interrupt:
        raise ValueError("what a library makes of it") from interrupt


def is_lost() -> None:
    try:
        send()
    except KeyboardInterrupt:
        os.write(2, b"Exception ignored in: a destructor\n")


def comes_again() -> None:
    try:
        send()
    finally:
        for number in (*interrupts.SIGNALS, *interrupts.SIGNALS):
            os.kill(os.getpid(), number)
            time.sleep(0.02)


@pytest.mark.parametrize("what", [ends_in_an_error, is_lost, comes_again])
def test_nothing_else_is_printed(what: Callable[[], None], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        handled(what)
    assert end.value.code == 130
    assert capfd.readouterr().err == "interrupted\n"


def test_the_traceback_is_printed_if_it_is_wanted(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADEXP_FULL_ERROR", "1")
    with pytest.raises(SystemExit) as end:
        handled(ends_in_an_error)
    assert end.value.code == 130
    error = capfd.readouterr().err
    assert error.startswith("interrupted\nTraceback")
    assert "ValueError: what a library makes of it" in error


def test_a_signal_that_is_ignored_on_purpose_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup does
    try:
        with interrupts.handled():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_installs_no_handlers() -> None:
    seen = []

    def work() -> None:
        with interrupts.handled():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


START = """
import atexit, hashlib, multiprocessing, threading, time
from gradexp import interrupts
interrupts.PATIENCE = 0.5
interrupts.install()
"""
WAITS = "interrupts.begin_work(); print('ready', flush=True); time.sleep(60)"
# What a process does when both signals come. The first one hangs where nothing has begun, and ends at once.
HANGS = {
    "an import": "interrupts.PATIENCE = 60; print('ready', flush=True); time.sleep(60)",
    "a lock that nobody opens": """
lock = threading.Lock()
lock.acquire()
try:
    interrupts.begin_work(); print('ready', flush=True); lock.acquire()
finally:
    lock.acquire()
""",
    "C code": "interrupts.begin_work(); print('ready', flush=True); hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)",
    "a thread at exit": f"threading.Thread(target=time.sleep, args=(60,)).start(); {WAITS}",
    "an exit handler": f"atexit.register(time.sleep, 60); {WAITS}",
    "a worker process": f"multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,)).start(); {WAITS}",
    "a destructor": f"""
class Slow:
    def __del__(self):
        {WAITS}
Slow()
time.sleep(60)
""",
}


def test_a_process_that_cannot_end_by_itself_is_ended() -> None:
    processes = {
        what: subprocess.Popen(
            [sys.executable, "-c", START + code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for what, code in HANGS.items()
    }
    ends = {}
    for process in processes.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGTERM)
        os.killpg(process.pid, signal.SIGINT)
    for what, process in processes.items():
        _, error = process.communicate(timeout=10)  # until no process has its standard error open
        ends[what] = (process.returncode in (130, 143), error)
    assert ends == dict.fromkeys(HANGS, (True, "interrupted\n"))


@pytest.mark.parametrize(("variable", "value"), [("LOCAL_RANK", "1"), ("GRADEXP_SWEEP_JOB", "/sweep/0")])
def test_processes_of_ddp_and_of_a_sweeps_job_leave_the_line_to_the_one_that_started_them(
    variable: str, value: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", START + WAITS.replace("60", "0.3")],
        env={**os.environ, variable: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imports", "joblib", "two processes", "joblib killed"])
def test_the_command_ends_in_each_phase(name: str, own_folder: Path) -> None:
    """A part of `python -m tests.interrupts`, at moments drawn by a fixed seed."""
    delay = random.Random(name).random() * PHASES[name].delay / 2
    signum = signal.SIGKILL if PHASES[name].killed else signal.SIGINT
    case = Case(0, name, signum, group=not PHASES[name].killed, twice=True, delay=delay, forked="joblib" in name)
    assert interrupt(case, own_folder), "the command had ended before the signal"
    assert not case.faults, case.error


@pytest.mark.slow
def test_the_printed_command_continues_the_run(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(0, "fit", signal.SIGTERM, group=False, twice=False, delay=0.1, forked=True)
    assert interrupt(case, own_folder)
    assert not case.faults, case.error
    _, _, command = case.error.partition("continue with: python -m gradexp ")
    assert call(monkeypatch, *shlex.split(command)) is None
    assert same_weights(Path("run"), run(*QUICK, "hydra.run.dir=whole").folder)
