"""Runs the command line in forked processes, which start at once: the parent has imported all that a run needs."""

import gc
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, and what it wrote to standard error."""

    status: int
    message: str


def run_command(command: Sequence[str], folder: Path, prepare: Callable[[], None] = lambda: None) -> Ended:
    """Run `python -m gradexp COMMAND` with `folder` as the working folder.

    Args:
        command: The arguments.
        folder: The working folder; the output goes to files beside it.
        prepare: Called in the process before the command.
    """
    errors = folder.with_suffix(".err")
    process = os.fork()
    if process == 0:
        status = 70
        try:
            status = _child(command, folder, errors, prepare)
        finally:
            os._exit(status)
    _, waited = os.waitpid(process, 0)
    return Ended(os.waitstatus_to_exitcode(waited), errors.read_text())


def _child(command: Sequence[str], folder: Path, errors: Path, prepare: Callable[[], None]) -> int:
    from gradexp.app.command_line import cli

    gc.enable()
    for descriptor, path in ((1, folder.with_suffix(".out")), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), descriptor)
    os.chdir(folder)
    os.environ["GRADEXP_DATA_DIR"] = str(folder.parent / "data")
    os.environ["HYDRA_FULL_ERROR"] = "0"
    os.environ.pop("GRADEXP_FULL_ERROR", None)
    sys.argv = ["gradexp", *command]
    prepare()
    status = 0
    try:
        cli()
    except SystemExit as end:  # what the interpreter does with it
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        traceback.print_exc()
        status = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def run_here(command: Sequence[str], folder: Path) -> None:
    """Run a command in this process, so that those forked from it need not import and compile again what runs need."""
    here, output, outputs = Path.cwd(), os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(outputs, 1)
    try:
        os.chdir(folder)
        sys.argv = ["gradexp", *command]
        from gradexp.app.command_line import cli

        cli()
        logging.shutdown()
        sys.stdout.flush()
    finally:
        os.chdir(here)
        os.dup2(output, 1)
        for descriptor in (output, outputs):
            os.close(descriptor)
