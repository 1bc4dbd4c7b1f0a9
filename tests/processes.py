"""Runs `python -m gradexp` in a separate process that can be killed.

The process is forked from a server that has imported everything, and starts at once. Otherwise imports take 7 seconds
in each process.
"""

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path


def start(*arguments: str, error: Path | None = None) -> BaseProcess:
    """Run `python -m gradexp ARGUMENTS` in the current folder and with the current environment, without its output.

    Args:
        arguments: What is typed.
        error: A file for standard error; the process then leads a session of its own.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.imported"])
    process = context.Process(target=_command_line, args=(arguments, Path.cwd(), dict(os.environ), error))
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """Kill the process by SIGKILL, and wait for its end."""
    process.kill()
    process.join(60)
    assert process.exitcode == -9, f"the killed process ended with {process.exitcode}"


def _command_line(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], error: Path | None) -> None:
    from gradexp.__main__ import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with Path(os.devnull).open("w") as null_device:
        os.dup2(null_device.fileno(), 1)
    if error is not None:
        os.setsid()
        with error.open("w") as file:
            os.dup2(file.fileno(), 2)
    sys.argv = ["gradexp", *arguments]
    main()
