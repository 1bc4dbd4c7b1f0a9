"""Calls a function before every operation of this process that changes a file below a folder."""

import builtins
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

AUDITED = {
    "open": "open",
    "os.mkdir": "mkdir",
    "os.remove": "unlink",
    "os.rename": "rename",
    "os.rmdir": "rmdir",
    "os.truncate": "truncate",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FAILS_EARLY = {"mkdir": True, "unlink": False}  # by itself, if the path exists, or if it does not
VARYING = re.compile(r"(?<=\.)\w{8}(?=\.gradexp~$)|(?<=tfevents\.).*?(?=\.hparams$|\.report$|$)|(?<=resumed_).*?(?=/)")

Act = Callable[[str, str], None]  # the kind of operation and the file's path in the folder; may raise an OSError


def intercept(folder: Path, act: Act) -> None:
    """Call `act` before each operation from now on. There is no way back: for a process of its own.

    Python's audit hooks see every open, mkdir, rename, unlink and truncate, from whatever library. They do not see
    writes, so files that are opened for writing get a raw file of ours; fsync is replaced.

    A write is done by halves, with `act` between them. If `act` raises, the system has written the first half, and
    the error comes with the attempt to write the rest, as on a disk that becomes full.
    """
    root = os.path.realpath(folder)
    busy = False

    def name_of(path: Any) -> str | None:
        """The path in the folder; None outside of it."""
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
            if not path.is_absolute():  # a pipe or a socket
                return None
        whole = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # of a file that may not exist
        return whole[len(root) + 1 :] if whole.startswith(f"{root}{os.sep}") else None

    def before(kind: str, path: Any) -> None:
        nonlocal busy
        name = None if busy else name_of(path)
        if name is None or (kind in FAILS_EARLY and Path(os.fsdecode(path)).exists() is FAILS_EARLY[kind]):
            return
        busy = True
        try:
            act(kind, VARYING.sub("*", name))
        except OSError as error:
            error.filename = os.fsdecode(path) if kind not in ("write", "fsync") else None
            raise
        finally:
            busy = False

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        kind = AUDITED.get(event)
        if kind is None or (kind == "open" and (isinstance(arguments[0], int) or not arguments[2] & WRITING)):
            return
        before(kind, arguments[1] if kind == "rename" else arguments[0])

    class Raw(io.FileIO):
        error: OSError | None = None

        def write(self, data: Any) -> int:
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            view = memoryview(data).cast("B")
            half = super().write(view[: len(view) // 2]) if len(view) > 1 else 0
            try:
                before("write", self.fileno())
            except OSError as error:
                if not half:
                    raise
                self.error = error
                return half
            return half + super().write(view[half:])

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wax+") or name_of(file) is None:
            return original_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffer if "b" in mode else io.TextIOWrapper(buffer, encoding, errors, newline, buffering == 1)

    def synced(descriptor: int) -> None:
        before("fsync", descriptor)
        original_fsync(descriptor)

    def written(descriptor: int, data: Any) -> int:
        before("write", descriptor)
        return original_write(descriptor, data)

    original_open, original_fsync, original_write = io.open, os.fsync, os.write
    for module in (io, builtins):
        module.open = opened  # type: ignore[attr-defined]
    os.fsync, os.write = synced, written  # type: ignore[assignment]
    sys.addaudithook(audit)
