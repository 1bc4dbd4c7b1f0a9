"""A line that moves on a terminal from the first second on: imports take seconds, in which nothing else is shown.

It is drawn on standard error, only by the command line, and erased before anything is printed. Nothing heavy is
imported here.
"""

import atexit
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Any, TextIO

from gradexp.interrupts import SWEEP_JOB

FRAMES = "|/-\\"
DELAY, PERIOD = 0.3, 0.1  # seconds until it appears, so that --help does not flicker, and between two frames
ERASE = "\r\x1b[2K"

_text = ""
_is_enabled = False
_thread: threading.Thread | None = None
_is_over = threading.Event()
_hooked: list[TextIO] = []


def enable() -> None:
    """Let `show` draw, if standard error is a terminal and this is the process that a person has started."""
    global _is_enabled
    is_first = os.environ.get("LOCAL_RANK", "0") == "0" and SWEEP_JOB not in os.environ
    _is_enabled = is_first and _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
    if _is_enabled:
        atexit.register(hide)


def show(text: str) -> None:
    """Draw the line with this text until something is printed."""
    global _text, _thread
    _text = text
    if not _is_enabled or _thread is not None:
        return
    for stream in {sys.stdout, sys.stderr}:
        if _is_terminal(stream):
            _hook(stream)
    _is_over.clear()
    _thread = threading.Thread(target=_draw, name="spinner", daemon=True)
    _thread.start()


def hide() -> None:
    """Erase the line."""
    global _thread
    thread, _thread = _thread, None
    if thread is None:
        return
    _unhook()
    _is_over.set()
    thread.join(1)


def _draw() -> None:
    started = time.monotonic()
    number = 0
    while not _is_over.wait(DELAY if number == 0 else PERIOD):
        seconds = time.monotonic() - started
        _write(f"{ERASE}{FRAMES[number % len(FRAMES)]} {_text}, {seconds:.0f} s")
        number += 1
    if number:
        _write(ERASE)


def _hook(stream: TextIO) -> None:
    """Let a stream erase the line before it writes."""
    write: Any = stream.write

    def write_alone(text: str) -> int:
        hide()
        return int(write(text))

    with suppress(AttributeError):  # of a stream that a program has replaced
        stream.write = write_alone  # type: ignore[method-assign]
        _hooked.append(stream)


def _unhook() -> None:
    for stream in _hooked:
        vars(stream).pop("write", None)
    _hooked.clear()


def _forget() -> None:
    """In a forked process, such as a data loader's worker: the thread is not in it, and its lock may be held."""
    global _is_enabled, _thread
    _is_enabled, _thread = False, None
    _unhook()


os.register_at_fork(after_in_child=_forget)


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # closed, or none at all
        return False


def _write(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode())
