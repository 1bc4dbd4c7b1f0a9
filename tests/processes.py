"""Runs `python -m gradexp` in a separate process that can be killed.

The process is forked from a server that has imported everything, and starts at once. Otherwise imports take 7 seconds
in each process.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any


def start(*arguments: str, error: Path | None = None) -> BaseProcess:
    """Run `python -m gradexp ARGUMENTS` in the current folder and with the current environment, without its output.

    Args:
        arguments: What is typed.
        error: A file for standard error; the process then leads a session of its own.
    """
    process = _context().Process(target=_command_line, args=(arguments, Path.cwd(), dict(os.environ), error))
    process.start()
    return process


def forked(prepare: Callable[[], None], *arguments: str, error: Path) -> BaseProcess:
    """As `start`, in a process that first calls a function, which may change what is imported."""
    process = _context().Process(target=_prepared, args=(prepare, arguments, Path.cwd(), dict(os.environ), error))
    process.start()
    return process


def in_process(function: Callable[..., None], *arguments: Any) -> int | None:
    """Call a function in a forked process, which may fork others or change what cannot be changed back.

    Returns:
        The exit status of the process.
    """
    process = _context().Process(target=function, args=arguments)
    process.start()
    process.join(600)
    return process.exitcode


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.imported"])
    return context


def kill(process: BaseProcess) -> None:
    """Kill the process by SIGKILL, and wait for its end."""
    process.kill()
    process.join(60)
    assert process.exitcode == -9, f"the killed process ended with {process.exitcode}"


def _prepared(prepare: Callable[[], None], *arguments: Any) -> None:
    prepare()
    _command_line(*arguments)


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
