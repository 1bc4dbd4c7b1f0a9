"""Imports of what needs torch and Lightning: the first takes seconds."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gradexp.app import spinner
from gradexp.app.quiet import quiet_libraries


def import_tasks() -> None:
    """Import the tasks, before Lightning is asked for anything: only once the configuration has passed its check."""
    spinner.show("importing torch")
    with importing():
        import gradexp.app.tasks  # noqa: F401


@contextmanager
def importing() -> Iterator[None]:
    """Import within what needs torch, whose libraries are silent afterwards.

    The first time, no garbage is searched for within, which takes a fifth of the time of the imports and finds nothing.
    Later searches leave out what is there by then: 500,000 objects, which take 0.3 s each time, in each forked process.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        quiet_libraries()
        return
    gc.collect()  # what is garbage now would be kept for good
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)  # otherwise C libraries report leaks
    quiet_libraries()
