"""The log file of a run, gradexp.log."""

import logging
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from gradexp.files import naming


def check_log_writes(folder: Path) -> None:
    """Let a line that cannot be written to a log file in `folder` end the run.

    logging itself prints a traceback for each such line, and the run goes on.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).parent == folder:
            handler.handleError = partial(_raise, handler)  # type: ignore[method-assign]


def _raise(handler: logging.FileHandler, record: logging.LogRecord) -> None:
    error = sys.exception()
    if not isinstance(error, OSError):
        logging.FileHandler.handleError(handler, record)
        return
    with suppress(OSError):
        handler.close()  # otherwise each attempt to close it fails, and it stays open
    with naming(Path(handler.baseFilename)):
        raise error
