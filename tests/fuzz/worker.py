"""A process that runs cases, so that a crash, a hang or spent memory is one case's, and the campaign goes on."""

import faulthandler
import importlib
import os
import resource
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fuzz import oracle
from tests.fuzz.case import Drawn, Kind, Outcome, stream
from tests.fuzz.oracle import Ending

MIB = 2**20
ADDRESS_SPACE = 3_000 * MIB  # beyond what the imports take: a larger allocation is a MemoryError, not a dead machine
OWN = ("case", "data", "home", "tmp", "out", "err")  # what a scratch folder may hold


def prepare(kind: Kind, base: Path, scratch: Path) -> None:
    """Fill the folder of what all cases of a kind share."""
    _isolate(scratch)
    os.chdir(scratch / "case")
    importlib.import_module(kind.module).prepare(base)


def work(connection: Connection, kind: Kind, seed: int, numbers: Sequence[int], base: Path, scratch: Path) -> None:
    """Run cases, and send of each what was drawn, then how it ended."""
    _isolate(scratch)
    module = importlib.import_module(kind.module)
    for number in numbers:
        started = time.process_time()
        folder = _empty_folder(scratch)
        checkout = _names(Path(__file__).parents[2])
        before_memory = _peak_memory()
        drawn: Drawn = module.draw(stream(kind.name, seed, number), base)
        connection.send(drawn)
        message, faults = _judge(drawn)
        grown = (_peak_memory() - before_memory) // MIB
        if grown > oracle.GROWTH:
            faults.append(f"memory grew by {grown} MiB")
        os.chdir(folder)
        outside = [name for name in os.listdir(scratch) if name not in OWN]  # noqa: PTH208
        outside += [f"{name}/{one}" for name in ("home", "tmp") for one in os.listdir(scratch / name)]  # noqa: PTH208
        outside += sorted(_names(Path(__file__).parents[2]) - checkout)
        faults += [f"a file outside the run's folder: {one}" for one in outside]
        seconds = time.process_time() - started
        connection.send(Outcome(kind.name, seed, number, drawn, message, faults, seconds))
    connection.close()


def _judge(drawn: Drawn) -> tuple[str | None, list[str]]:
    """Run the commands in turn until one is refused; the message, and what is wrong."""
    for command in drawn.commands:
        before = oracle.snapshot(Path())
        ending: Ending = oracle.run(command)
        faults = oracle.faults(command, ending, before)
        if faults or ending.code not in (None, 0):
            return ending.message, faults
    return None, []


def _isolate(scratch: Path) -> None:
    """Streams on files, an own home, cache and temporary folder, bounded memory, no network."""
    for name in OWN[:4]:
        (scratch / name).mkdir(parents=True, exist_ok=True)
    for descriptor, name, errors in ((1, "out", "strict"), (2, "err", "backslashreplace")):  # as Python's own streams
        file = os.open(scratch / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(file, descriptor)
        opened = open(descriptor, "w", encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, "stdout" if descriptor == 1 else "stderr", opened)
    os.environ |= {
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        "GRADEXP_DATA_DIR": str(scratch / "data"),
        "COLUMNS": "120",
    }
    tempfile.tempdir = None
    faulthandler.enable()
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + ADDRESS_SPACE, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    setattr(urllib.request, "urlopen", _no_network)  # noqa: B010  # mypy refuses the assignment


def _no_network(*arguments: Any, **options: Any) -> Any:
    raise urllib.error.URLError("a case has no network")


def _empty_folder(scratch: Path) -> Path:
    """The folder of a case, empty, as the current one."""
    folder = scratch / "case"
    os.chdir(scratch)
    for name in ("case", "home", "tmp"):
        shutil.rmtree(scratch / name, ignore_errors=True)
        (scratch / name).mkdir()
    os.chdir(folder)
    return folder


def _names(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not name.startswith(".")}  # noqa: PTH208


def _peak_memory() -> int:
    """Bytes that the process has held at most since the last call."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    Path("/proc/self/clear_refs").write_text("5")  # resets it
    return peak * 1024
