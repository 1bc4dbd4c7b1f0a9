"""Paths that users type, and atomic writes: a process killed while writing leaves the previous file intact."""

import json
import os
import random
import string
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, then rename it to `path`, which is atomic.

    Raises:
        OSError: The folder is not writable, or the disk is full; `path` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file readable by its owner alone; set the permissions of an ordinary file.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
    """Write plain data as JSON, atomically."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def random_letters() -> str:
    """Four letters for a folder's name; not seeded, because two runs with the same seed need different folders."""
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
