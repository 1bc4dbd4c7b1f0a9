"""Where a sweep prints its lines: on standard output for the command line, nowhere for a call from Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console

_is_silent = ContextVar("is_silent", default=False)


def console(stderr: bool = False) -> Console:
    """The console of a sweep's own lines."""
    return Console(stderr=stderr, quiet=_is_silent.get())


def is_silent() -> bool:
    """Whether the sweep prints no lines of its own."""
    return _is_silent.get()


@contextmanager
def silent() -> Iterator[None]:
    """Within this context, a sweep prints no lines of its own."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)
