"""Parts of a vectorized sweep in forked processes."""

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from gradexp.app.vectorized import forked, launcher
from gradexp.app.vectorized.forked import _error, run_forked, why_not
from gradexp.app.vectorized.progress import StackProgress
from tests import processes
from tests.app.vectorized.fitted import stack_sizes
from tests.command_line import call
from tests.processes import in_process, start
from tests.sweeps.small import UNREPORTED, jobs, metrics, same_weights
from tests.waiting import wait_until

SWEEP = (
    "-m",
    UNREPORTED,
    "hydra/launcher=vectorized",
    "model.hidden=[4]",
    "trainer.max_epochs=3",
    "data.batch_size=100",
    "optimizer.lr=0.1,0.01",
    "seed=0,1",
)
FORKED = ("hydra.launcher.inner=forked", "hydra.launcher.processes=2")
# The fits of these jobs take some seconds, so that they can be interrupted.
LONG = (*SWEEP, "trainer.max_epochs=100", "hydra.sweep.dir=sweep")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def test_forked_parts_leave_what_one_process_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = ("model.batch_norm=false,true",)  # those with batch norm run one by one
    process = start(*SWEEP, *alone, *FORKED, "hydra.sweep.dir=parts", error=Path("err"))
    sizes = stack_sizes(monkeypatch)
    assert call(monkeypatch, *SWEEP, *alone, "hydra.launcher.inner=basic", "hydra.sweep.dir=whole") is None
    assert sizes == [4]
    process.join(120)
    assert process.exitcode == 0, Path("err").read_text()
    assert len(jobs(Path("parts"))) == 8
    for number in range(8):
        assert metrics(number, Path("parts")) == metrics(number, Path("whole"))
        assert same_weights(Path("parts", str(number)), Path("whole", str(number)))
    assert not Path("parts/.stacks").exists()


def test_the_death_of_a_forked_process_loses_no_job() -> None:
    process = start(*LONG, *FORKED, error=Path("err"))
    wait_until(lambda: len(children(process.pid or 0)) == 2, "two forked processes")
    wait_until(lambda: any(Path("sweep").glob("*/.started")), "a stack that has begun")
    time.sleep(0.2)
    os.kill(children(process.pid or 0)[0], signal.SIGKILL)
    process.join(120)
    assert process.exitcode == 0, Path("err").read_text()
    assert [metrics(number)["status"] for number in range(4)] == ["completed"] * 4


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_forked_processes_end_with_the_first_one(signum: signal.Signals) -> None:
    process = start(*LONG, *FORKED, error=Path("err"))
    assert process.pid is not None
    wait_until(lambda: len(children(process.pid or 0)) == 2, "two forked processes")
    workers = children(process.pid)
    os.kill(process.pid, signum)
    process.join(10)
    assert process.exitcode == (130 if signum is signal.SIGINT else -9)
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), "the end of both")
    error = Path("err").read_text()
    assert error.count("\n") == (signum is signal.SIGINT)
    assert error == "" or error.endswith(" sweep.resume=sweep\n")


def print_and_raise(folder: str) -> None:
    """Run parts in forked processes that print pieces of lines, and one that raises."""
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT), descriptor)

    def run(number: int, progress: StackProgress) -> dict[int, object]:
        if number == 3:  # which ends the other process too
            wait_until(lambda: Path(folder, "out").read_text().count("\n") == 2, "the lines of parts 1 and 2")
        for piece in ("a line ", f"of part {number}", "\n"):
            print(piece, end="", file=sys.stdout if number else sys.stderr)
        progress.say("once")
        if number == 3:
            raise ValueError("of part 3")
        return {}

    try:
        run_forked(4, 2, run, StackProgress(Console(quiet=True), 0))  # type: ignore[arg-type]
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(3)


def test_what_forked_processes_print_and_raise_is_printed_and_raised_by_the_first() -> None:
    assert in_process(print_and_raise, str(Path.cwd())) == 3
    assert sorted(Path("out").read_text().splitlines()) == [f"a line of part {number}" for number in (1, 2, 3)]
    assert sorted(Path("err").read_text().splitlines()) == ["a line of part 0", "of part 3", "once"]


class UnsendableError(Exception):
    """An error that pickle cannot build again, as its arguments are others than its message."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def test_an_error_that_cannot_be_sent_keeps_its_words() -> None:
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(UnsendableError(1, 2)))
    assert repr(_error(UnsendableError(1, 2))) == "RuntimeError('1 and 2')"
    assert repr(_error(ValueError("x"))) == "ValueError('x')"


def test_a_process_with_further_threads_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="a caller's")
    thread.start()
    try:
        assert "has a thread " in str(why_not("cpu"))
        message = str(call(monkeypatch, *SWEEP, *FORKED, "hydra.sweep.dir=sweep"))
    finally:
        end.set()
        thread.join()
    assert message.startswith(
        "error: hydra.launcher.inner must not be forked where processes cannot be forked: the pro"
    )
    assert message.endswith("; got forked. joblib starts new processes.")
    assert not Path("sweep").exists()


@pytest.fixture(autouse=True)
def _no_threads_of_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own: other tests may have read tables in this one."""
    monkeypatch.setattr(forked, "_has_threads_of_polars", lambda: False)


def _fork_at_once() -> None:
    launcher.WORTH_FORKS = 0.01


def _fork_after_an_estimate() -> None:
    launcher.WORTH_FORKS = 0.1001  # 2 jobs beside their fits take 0.1


@pytest.mark.parametrize("prepare", [_fork_at_once, _fork_after_an_estimate])
def test_a_process_whose_polars_has_read_a_table_is_not_forked_for_others_that_read_it(
    prepare: Callable[[], None],
) -> None:
    rows = [f"{number},{number % 7},{number * 2.5}" for number in range(60)]
    Path("table.csv").write_text("\n".join(["a,b,y", *rows]))
    table = ("data=table", "data.path=table.csv", "data.target=y", "data.batch_size=10")
    sweep = ("-m", UNREPORTED, *table, "hydra/launcher=vectorized", "hydra.launcher.processes=2", "seed=0,1")
    process = processes.forked(prepare, *sweep, "trainer.max_epochs=2", "hydra.sweep.dir=sweep", error=Path("err"))
    process.join(60)
    process.kill()  # where it waits for ever
    assert process.exitcode == 0, Path("err").read_text()
    assert len(jobs(Path("sweep"))) == 2


def _read_a_table() -> None:
    import polars as pl  # which starts a thread that does no harm

    assert why_not("cpu") is None
    pl.read_csv(b"a,b\n1,2\n")
    assert why_not("cpu") == "polars has threads, as a table was read"


def test_threads_of_polars_are_noticed() -> None:
    assert in_process(_read_a_table) == 0
