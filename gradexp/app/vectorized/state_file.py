"""The file that keeps the state of a stack between two epochs, for a sweep that is killed."""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gradexp.files import write_atomically
from gradexp.sweeps.job_folder import STACKS

FORMAT = 1
EVERY = 10.0  # seconds between two states: what a kill costs at most


class StateFile:
    """Saves a stack's state at the boundaries of epochs, at most every few seconds.

    Args:
        path: The file.
        jobs: The hash of each member's configuration, by the name of its job's folder.
    """

    def __init__(self, path: Path, jobs: Mapping[str, str]) -> None:
        self.path = path
        self._jobs = dict(jobs)
        self._saved = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time for the next state."""
        return time.monotonic() - self._saved > EVERY

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the state in the file, atomically."""
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, "jobs": self._jobs, "state": dict(state)}, buffer)
        write_atomically(self.path, buffer.getvalue())
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Remove the file, once every job has its own files."""
        self.path.unlink(missing_ok=True)


class Saved(NamedTuple):
    """A state that a killed sweep has left: its file, the jobs among those asked for, and their numbers in it."""

    path: Path
    state: dict[str, Any]
    names: list[str]
    numbers: list[int]


def path_of(sweep: Path, job: str) -> Path:
    """The file of the stack that begins with a job."""
    return sweep / STACKS / f"{job}.ckpt"


def saved_stacks(sweep: Path, jobs: Mapping[str, str]) -> Iterator[Saved]:
    """The states that a killed sweep has left of these jobs, whose hashes are given.

    A file that cannot be read, or is of another version, counts as none: its jobs begin anew.
    """
    for path in sorted((sweep / STACKS).glob("*.ckpt")):
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            members: Sequence[tuple[str, str]] = list(content["jobs"].items()) if content["format"] == FORMAT else []
        except Exception:  # arbitrary bytes can raise anything in torch.load
            continue
        found = [(name, number) for number, (name, digits) in enumerate(members) if jobs.get(name) == digits]
        if found:
            yield Saved(path, content["state"], [name for name, _ in found], [number for _, number in found])
