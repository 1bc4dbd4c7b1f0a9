"""Paths that users type, and writes that a full disk or a kill cannot spoil: each is done completely or not at all."""

import errno
import fcntl
import json
import math
import os
import random
import string
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TEMPORARY = ".gradexp~"  # ends the names of files that are being written

# What to do about an error of a disk or a limit, by its number.
REMEDIES = {
    errno.ENOSPC: "Free space on its disk, or files if it has too many: df -h, df -i",
    errno.EDQUOT: "Free some of your quota",
    errno.EFBIG: "Allow larger files: ulimit -f unlimited",
    errno.EMFILE: "Allow more open files: ulimit -n",
    errno.ENFILE: "Close programs that have files open: the system allows no more",
    errno.EIO: "Check its disk, or the connection to it",
    errno.EROFS: "Choose a folder that can be written to",
    errno.EACCES: "Choose a folder and files that you may read and write",
    errno.EPERM: "Choose a folder and files that you may read and write",
}
RESUME = "Then resume:"  # begins the note of an error that says how to go on once the disk is in order


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, then rename it to `path`, which is atomic.

    Raises:
        OSError: The folder is not writable, or the disk is full; `path` is unchanged. The error names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        descriptor, temporary = _locked_temporary(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                # mkstemp makes the file readable by its owner alone; set the permissions of an ordinary file.
                mask = os.umask(0)
                os.umask(mask)
                temporary.chmod(0o666 & ~mask)
                temporary.replace(path)  # while it is open, and so locked
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def append(path: Path, content: bytes) -> None:
    """Append to a file, or create it.

    Raises:
        OSError: The content cannot be written; the file ends where it ended before. The error names it.
    """
    with naming(path):
        size = path.stat().st_size if path.exists() else 0
        try:
            with path.open("ab") as file:
                file.write(content)
        except BaseException:
            with suppress(OSError):
                os.truncate(path, size)
            raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give the name of the file to an OSError: one from a write or a flush has none, or that of a temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # raised by the system
            error.filename = str(path)
            del error.filename2  # of a rename; None would be part of the text
        raise


def remove_temporary_files(*folders: Path) -> None:
    """Remove what killed processes left of files that they were writing into these folders.

    A process that writes a file holds a lock on it, which the system releases when the process ends. So files that
    other processes are writing stay.
    """
    for folder in folders:
        for path in folder.glob(f".*{TEMPORARY}"):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, open for writing, and locked where the file system has locks."""
    while True:
        descriptor, name = tempfile.mkstemp(TEMPORARY, f".{path.name}.", path.parent)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # remove_temporary_files was quicker than the lock


def user_path(path: str) -> Path:
    """A path as the user typed it, in which a leading ~ is the home folder unless it only begins a file's name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~x is no user
        return Path(path)


def name_of(path: Path) -> str:
    """The path as text that any file can hold: bytes that are not UTF-8, as of old archives, become escapes."""
    return os.fsencode(path).decode(errors="backslashreplace")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data as strict JSON, atomically: null in place of NaN and infinity, which JSON lacks."""
    write_atomically(path, (json.dumps(finite(content), indent=2, allow_nan=False) + "\n").encode())


def finite(content: Any) -> Any:
    """Plain data with None in place of numbers that are not finite."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def random_letters() -> str:
    """Four letters for a folder's name; not seeded, because two runs with the same seed need different folders."""
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
