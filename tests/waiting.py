"""Waits for other processes, always with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(poll: Callable[[], T], seconds: float, pause: float = 0.05) -> T:
    """Call `poll` until its result is true or the deadline has passed, and return the last result."""
    end = time.monotonic() + seconds
    while True:
        result = poll()
        if result or time.monotonic() > end:
            return result
        time.sleep(pause)


def wait_until(condition: Callable[[], bool], description: str, seconds: float = 180) -> None:
    """Fail unless the condition becomes true before the deadline, far beyond what a busy machine needs."""
    assert eventually(condition, seconds, pause=0.01), f"waited {seconds} seconds for {description}"
