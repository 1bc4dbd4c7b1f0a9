"""At each operation of a scenario the process dies, or the operation fails; then the scenario is resumed."""

import errno
import os
import random
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.faults.children import Ended, run_command, run_here
from tests.faults.operations import intercept
from tests.faults.scenarios import SCENARIOS, content, differences

Mode = Literal["dies", "fails", "full"]
MODES: tuple[Mode, ...] = ("dies", "fails", "full")

ERRORS = {
    "open": (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO),
    "write": (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG),
    "fsync": (errno.ENOSPC, errno.EDQUOT, errno.EIO),
    "mkdir": (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES),
    "rename": (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES),
}
OTHERS = (errno.EIO, errno.EROFS, errno.EACCES)
NEEDS_SPACE = ("open", "write", "fsync", "mkdir")


@dataclass(frozen=True)
class Point:
    """One operation, and what happens there.

    Attributes:
        scenario: Name of the scenario.
        number: Of the operation, from 0.
        kind: "open", "write" and so on.
        path: The file, in the working folder.
        mode: "dies": the process ends before it, or in mid-write; "fails": it fails once; "full": from it on there is
            no space left.
    """

    scenario: str
    number: int
    kind: str
    path: str
    mode: Mode

    @property
    def name(self) -> str:
        """What the message of a failure names: the file, in place of a temporary one."""
        if self.mode == "full":
            return "/"  # this file, or the next that needs space
        return re.sub(r"^\.(.*)\.\*\.gradexp~$", r"\1", Path(self.path).name).partition("*")[0]

    def error(self, seed: int) -> int:
        """The error with which the operation fails."""
        if self.mode == "full":
            return errno.ENOSPC
        return random.Random(f"{seed} {self.scenario} {self.number}").choice(ERRORS.get(self.kind, OTHERS))

    def __str__(self) -> str:
        return f"{self.scenario} {self.mode} {self.number} ({self.kind} {self.path})"


class Walk:
    """The walk of one scenario.

    Args:
        name: Name of the scenario.
        folder: A folder for the working folders.
        seed: Draws the errors.
    """

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        self.name = name
        self.folder = folder / name
        self.seed = seed
        self.scenario = SCENARIOS[name]
        self.before: Path | None = None
        self.folder.mkdir(parents=True)
        if self.scenario.before is not None:
            self.before = self._new_folder("before")
            _succeeds(run_command(self.scenario.before, self.before))
        whole = self._new_folder("whole")
        log = self.folder / "operations"
        _succeeds(run_command(self.scenario.command, whole, lambda: _record(whole, log)))
        lines = [line.partition(" ") for line in log.read_text().splitlines()]
        self.operations = [(kind, path) for kind, _, path in lines]
        self.expected = content(whole)

    def points(self, modes: Sequence[Mode] = MODES) -> list[Point]:
        """All points."""
        operations = enumerate(self.operations)
        return [Point(self.name, number, *operation, mode) for number, operation in operations for mode in modes]

    def sample(self, share: float) -> list[Point]:
        """A share of the operations, each in one mode, drawn by the seed."""
        rng = random.Random(self.seed)
        groups = [self.points((mode,)) for mode in MODES]
        numbers = sorted(rng.sample(range(len(self.operations)), max(1, round(share * len(self.operations)))))
        return [rng.choice(groups)[number] for number in numbers]

    def faults(self, point: Point) -> list[str]:
        """What is wrong: nothing if the message is clear, and the resumed scenario ends as an undisturbed one."""
        folder = self._new_folder("point")
        try:
            first = run_command(self.scenario.command, folder, lambda: _interfere(folder, point, self.seed))
            found = [] if point.mode == "dies" else _message_faults(first, point.error(self.seed), point.name)
            if first.status != 0:
                again = run_command(self.scenario.go_on(folder), folder)
                if again.status or again.message:
                    return [*found, f"the resume ends with {again.status}: {again.message}"]
            return found + differences(self.expected, content(folder))
        finally:
            shutil.rmtree(folder)

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / name
        if self.before is not None:
            shutil.copytree(self.before, folder)
        else:
            folder.mkdir()
        return folder


def _succeeds(ended: Ended) -> None:
    assert ended == Ended(0, ""), ended


def _message_faults(ended: Ended, error: int, name: str = "/") -> list[str]:
    """What is wrong with the end of a command for which an operation failed on a file of that name."""
    if ended.status == 0:
        return [f"unexpected output: {ended.message}"] if ended.message else []  # nothing is lost, as the content says
    lines = ended.message.strip().splitlines()
    found = []
    if ended.status != 1:
        found.append(f"the exit status is {ended.status}")
    if len(lines) != 1 or not lines[0].startswith("error: "):
        found.append(f"not one message: {ended.message}")
    elif os.strerror(error) not in lines[0] or name not in lines[0]:
        found.append(f"no reason or no file: {ended.message}")
    return found


def _record(folder: Path, log: Path) -> None:
    """Write the operations of this process to a file, as they come."""
    file = log.open("w")

    def act(kind: str, path: str) -> None:
        print(kind, path, file=file, flush=True)

    intercept(folder, act)


def _interfere(folder: Path, point: Point, seed: int) -> None:
    """Let this process die at the point, or let the operation fail."""
    count = -1
    error = point.error(seed)

    def act(kind: str, path: str) -> None:
        nonlocal count
        count += 1
        if count < point.number or (count > point.number and point.mode != "full"):
            return
        if point.mode == "dies":
            os._exit(9)
        if point.mode == "fails" or kind in NEEDS_SPACE:
            raise OSError(error, os.strerror(error))

    intercept(folder, act)


def real_faults(folder: Path, prepare: Callable[[Path], None], free: Callable[[], None], error: int) -> list[str]:
    """What is wrong after a run for which the system itself gives an error, instead of ours in its place.

    Args:
        folder: A folder for the working folders.
        prepare: Sets the limit, in the process of the run; it gets the working folder.
        free: Lifts the limit, before the resume.
        error: The error.
    """
    walk = Walk("run", folder, seed=0)
    working = folder / "run" / "real"
    working.mkdir()
    first = run_command(walk.scenario.command, working, lambda: prepare(working))
    found = _message_faults(first, error) if first.status else ["the limit was not reached"]
    free()
    again = run_command(walk.scenario.go_on(working), working)
    found += [] if again == Ended(0, "") else [str(again)]
    return found + differences(walk.expected, content(working))


def warm_up(folder: Path) -> None:
    """Run the sweep and its report in this process: its forks then start with what these import and cache."""
    folder = folder / "warm"
    folder.mkdir(parents=True)
    for name in ("sweep", "report"):
        run_here(SCENARIOS[name].command, folder)
