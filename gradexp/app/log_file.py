"""The log file of a run, gradexp.log."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from gradexp.files import naming


def check_log_writes(folder: Path) -> None:
    """Let a line that cannot be written to a log file in `folder` end the run.

    logging itself prints a traceback for each such line, and the run goes on.
    """
    for handler in _log_files(folder):
        handler.handleError = partial(_raise, handler)  # type: ignore[method-assign]


@contextmanager
def log_kept_if(is_unchanged: Callable[[], bool], folder: Path) -> Iterator[None]:
    """Cut the log files in `folder` to their present sizes if an error ends what is within and changed nothing else."""
    sizes = {path: path.stat().st_size for path in (Path(log.baseFilename) for log in _log_files(folder))}
    try:
        yield
    except BaseException:
        if is_unchanged():
            for path, size in sizes.items():
                os.truncate(path, size)  # the handler appends
        raise


def close_logs(folder: Path) -> None:
    """Close the log files in `folder`, which nothing is then written to."""
    for handler in _log_files(folder):
        logging.getLogger().removeHandler(handler)
        handler.close()


def _log_files(folder: Path) -> list[logging.FileHandler]:
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)]
    return [handler for handler in handlers if Path(handler.baseFilename).parent == folder]


def _raise(handler: logging.FileHandler, record: logging.LogRecord) -> None:
    error = sys.exception()
    if not isinstance(error, OSError):
        logging.FileHandler.handleError(handler, record)
        return
    with suppress(OSError):
        handler.close()  # otherwise each attempt to close it fails, and it stays open
    with naming(Path(handler.baseFilename)):
        raise error
