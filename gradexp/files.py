"""Files that are either whole or not there: a kill in mid-write leaves the file of before."""

import json
import os
import random
import string
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename over it, which the file system does in one step.

    Raises:
        OSError: The folder cannot be written, or the disk is full; `path` is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp lets only the owner read; give what an ordinary file would have.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data as JSON, atomically."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def random_letters() -> str:
    """Four letters for the name of a folder; not from a seeded stream, as two runs of one seed must not share one."""
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
