"""Waiting for what other processes do: each wait has a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float, pause: float = 0.05) -> T:
    """What `look` gives once it is true, else what it gives at the deadline."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > end:
            return seen
        time.sleep(pause)


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 180) -> None:
    """Fail unless it holds before the deadline, which is far beyond what a busy machine takes."""
    assert eventually(holds, seconds, pause=0.01), f"waited {seconds} seconds for {what}"
