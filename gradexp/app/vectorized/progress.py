"""The progress of a sweep's stacks: a bar on a terminal, else a line now and then."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rich.console import Console

from gradexp.callbacks.progress_bar import DRAWN_EVERY, ProgressBar
from gradexp.rules.words import counted
from gradexp.sweeps.launch.output import console

SECONDS = 30.0  # between two lines of a sweep


@dataclass
class _Stack:
    """A stack in training.

    Attributes:
        label: What it is called.
        jobs: How many it has.
        epochs: Of the longest of them, which `trainer.max_steps` may end before its last epoch.
        planned: The epochs of all of them in the sweep's total, which is known before the data and so before the steps.
        trained: Epochs done.
    """

    label: str
    jobs: int
    epochs: int
    planned: int
    trained: int = 0

    @property
    def done(self) -> float:
        """How much of the planned epochs is done."""
        return self.planned * self.trained / self.epochs


class StackProgress:
    """Shows which stacks are trained, their jobs and epochs, the best score so far, and the time left.

    Args:
        on: The console on which it is shown.
        total: Epochs of all jobs, each job's counted for itself, if no `trainer.max_steps` ends it earlier.
        part: The number of the part of the sweep that this process trains, from 1; None if it trains all of them.
        parts: How many there are. Their processes share the console, where a bar would draw over another.
    """

    def __init__(self, on: Console, total: int, part: int | None = None, parts: int = 1) -> None:
        self._console, self._total = on, total
        has_bar = part is None and on.is_terminal and not on.quiet
        self._bar = ProgressBar(on) if has_bar else None
        self._part = "" if part is None else f"part {part} of {parts} | "
        self._parts = parts
        self._begun = self._printed = time.monotonic()
        self._done = 0
        self._stacks: dict[int, _Stack] = {}  # by the number of the process that trains it
        self._said: set[str] = set()

    def begin(self, number: int, stacks: int, jobs: int, epochs: int, planned: int, process: int = 0) -> None:
        """A stack begins: its number among so many, its jobs, the epochs of the longest, and theirs in the total."""
        self._stacks[process] = _Stack(f"stack {number} of {stacks}", jobs, epochs, planned)
        if self._bar is not None and len(self._stacks) == 1:
            self._bar.begin()

    def is_due(self) -> bool:
        """Whether it is time to show something."""
        if self._bar is not None:
            return self._bar.is_due()
        return time.monotonic() - self._printed > SECONDS * self._parts

    def advance(self, epochs: int, process: int = 0) -> None:
        """A stack has trained for so many epochs."""
        self._stacks[process].trained = epochs

    def show(self, epochs: int, monitor: str, best: float | None, process: int = 0) -> None:
        """Show that a stack has trained for so many epochs, and the best score of its jobs, if there is one."""
        self.advance(epochs, process)
        stack = self._stacks[process]
        done = self._done + round(sum(one.done for one in self._stacks.values()))
        score = "" if best is None else f"best {monitor} {best:.4g}"
        jobs = counted(stack.jobs, "job")
        parts = [f"{self._part}{stack.label}", jobs, f"epoch {epochs}/{stack.epochs}"]
        if self._bar is not None:
            self._bar.draw(" | ".join(parts), done, max(done, self._total), score)
            return
        line = " | ".join([*parts, *filter(None, [score]), f"{self._left(done)} left"])
        _print(self._console, line)
        self._printed = time.monotonic()

    def hide(self) -> None:
        """Remove the bar: a stack has ended, or jobs print lines."""
        if self._bar is not None:
            self._bar.end()

    def count(self, epochs: int, process: int = 0) -> None:
        """Count jobs whose fits have ended, and have so many epochs in the total."""
        self._stacks.pop(process, None)
        self._done += epochs

    def say(self, line: str) -> None:
        """Print a line, once."""
        if line not in self._said:
            self._said.add(line)
            self.hide()
            _print(console(stderr=True), line)

    def _left(self, done: int) -> str:
        seconds = (time.monotonic() - self._begun) * max(self._total - done, 0) / done
        return str(timedelta(seconds=round(seconds)))


def _print(on: Console, line: str) -> None:
    on.print(line, markup=False, highlight=False, soft_wrap=True)


class RelayedProgress(StackProgress):
    """In a further process: hands what it is told to the process that shows the progress of all.

    Args:
        send: Takes the name of a method and its arguments.
    """

    def __init__(self, send: Callable[[str, tuple[Any, ...]], None]) -> None:
        super().__init__(Console(quiet=True), 0)
        self._send = send

    def begin(self, number: int, stacks: int, jobs: int, epochs: int, planned: int, process: int = 0) -> None:
        self._send("begin", (number, stacks, jobs, epochs, planned))

    def is_due(self) -> bool:
        return time.monotonic() - self._printed > DRAWN_EVERY

    def show(self, epochs: int, monitor: str, best: float | None, process: int = 0) -> None:
        self._printed = time.monotonic()
        self._send("show", (epochs, monitor, best))

    def hide(self) -> None:
        pass  # before anything is printed, the other process removes the bar

    def count(self, epochs: int, process: int = 0) -> None:
        self._send("count", (epochs,))

    def say(self, line: str) -> None:
        self._send("say", (line,))
