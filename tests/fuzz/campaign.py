"""Runs cases in processes that may die, and goes on with the case after the one that did."""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz import worker
from tests.fuzz.case import Drawn, Kind, Outcome

LIMIT = 90.0  # seconds for a case; one takes a tenth of a second, and ten times as long on a busy machine
PREPARATION = 180.0  # seconds, with all imports


@contextmanager
def prepared(kind: Kind) -> Iterator[Path]:
    """A folder with what all cases of a kind share."""
    with tempfile.TemporaryDirectory(prefix="gradexp-fuzz-") as folder:
        root = Path(folder).resolve()
        (root / "base").mkdir()
        if kind.is_prepared:
            process = _context().Process(target=worker.prepare, args=(kind, root / "base", root / "first"))
            process.start()
            process.join(PREPARATION)
            errors = (root / "first" / "err").read_text(errors="replace")
            assert process.exitcode == 0, f"{kind.name} was not prepared: {errors}"
        yield root


def outcomes(kind: Kind, seed: int, numbers: Sequence[int], root: Path, limit: float = LIMIT) -> Iterator[Outcome]:
    """The outcome of each case.

    Args:
        kind: The kind of input.
        seed: The campaign's seed.
        numbers: The numbers of the cases.
        root: The folder of `prepared`.
        limit: Seconds for one case.
    """
    left = list(numbers)
    while left:
        with tempfile.TemporaryDirectory(dir=root, prefix="scratch-", ignore_cleanup_errors=True) as folder:
            yield from _until_death(kind, seed, left, root, Path(folder), limit)


def _until_death(kind: Kind, seed: int, left: list[int], root: Path, scratch: Path, limit: float) -> Iterator[Outcome]:
    """Outcomes from one process; `left` loses their numbers."""
    receiver, sender = _context().Pipe(duplex=False)
    arguments = (sender, kind, seed, tuple(left), root / "base", scratch)
    process = _context().Process(target=worker.work, args=arguments)
    process.start()
    sender.close()
    drawn: Drawn | None = None
    started = time.monotonic()
    wait = PREPARATION
    while left:
        try:
            fault = "" if receiver.poll(wait) else f"a hang of more than {wait:g} seconds"
            message = None if fault else receiver.recv()
        except EOFError:
            process.join()
            fault, message = f"the process died with status {process.exitcode}", None
        if isinstance(message, Drawn):
            drawn, wait = message, limit
        elif isinstance(message, Outcome):
            drawn, started = None, time.monotonic()
            left.remove(message.number)
            yield message
        else:
            if fault.startswith("a hang"):
                process.kill()
            errors = (scratch / "err").read_text(errors="replace") if (scratch / "err").exists() else ""
            seconds = time.monotonic() - started
            yield Outcome(kind.name, seed, left.pop(0), drawn, None, [f"{fault}\n{errors[-3000:]}"], seconds)
            break
    process.join(5)
    process.kill()
    process.join()


def _context() -> multiprocessing.context.ForkServerContext:
    """Processes are forked from a server that has imported everything, and start at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.imported"])
    return context
