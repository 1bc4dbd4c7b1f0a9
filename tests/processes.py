"""`python -m gradexp` as a process of its own, to be killed.

It is forked from a server that has imported everything, and so begins at once: otherwise imports take 7 seconds of
each process.
"""

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path


def start(*arguments: str) -> BaseProcess:
    """Run `python -m gradexp ARGUMENTS` in the current folder and with the current environment, without its output."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.imported"])
    process = context.Process(target=_command_line, args=(arguments, Path.cwd(), dict(os.environ)))
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """End it by SIGKILL, and wait for the end."""
    process.kill()
    process.join(60)
    assert process.exitcode == -9, f"killed, it ended with {process.exitcode}"


def _command_line(arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    from gradexp.app.command_line import cli

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    sys.argv = ["gradexp", *arguments]
    cli()
