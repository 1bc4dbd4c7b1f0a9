"""The progress of a sweep's stacks: a bar on a terminal, else a line now and then."""

import time
from datetime import timedelta

from rich.console import Console

from gradexp.callbacks.progress_bar import ProgressBar

SECONDS = 30.0  # between two lines of a sweep


class StackProgress:
    """Shows which stack is trained, its jobs and epochs, the best score so far, and the time left.

    Args:
        console: Where it is shown.
        total: Epochs of all jobs, each job's counted for itself.
        part: The number of the part of the sweep that this process trains, from 1; None if it trains all of them.
        parts: How many there are. Their processes share the console, where a bar would draw over another.
    """

    def __init__(self, console: Console, total: int, part: int | None = None, parts: int = 1) -> None:
        self._console, self._total = console, total
        has_bar = part is None and console.is_terminal and not console.quiet
        self._bar = ProgressBar(console) if has_bar else None
        self._part = "" if part is None else f"part {part} of {parts} | "
        self._parts = parts
        self._begun = self._printed = time.monotonic()
        self._done = self._jobs = self._epochs = 0
        self._stack = ""

    def begin(self, number: int, stacks: int, jobs: int, epochs: int) -> None:
        """A stack begins: its number among so many, its jobs and the epochs of the longest of them."""
        self._stack, self._jobs, self._epochs = f"stack {number} of {stacks}", jobs, epochs
        if self._bar is not None:
            self._bar.begin()

    def is_due(self) -> bool:
        """Whether it is time to show something."""
        if self._bar is not None:
            return self._bar.is_due()
        return time.monotonic() - self._printed > SECONDS * self._parts

    def show(self, epochs: int, monitor: str, best: float | None) -> None:
        """Show that the stack has trained for so many epochs, and the best score of its jobs, if there is one."""
        done = self._done + epochs * self._jobs
        score = "" if best is None else f"best {monitor} {best:.4g}"
        jobs = f"{self._jobs} job{'s' * (self._jobs > 1)}"
        parts = [f"{self._part}{self._stack}", jobs, f"epoch {epochs}/{self._epochs}"]
        if self._bar is not None:
            self._bar.draw(" | ".join(parts), done, max(done, self._total), score)
            return
        line = " | ".join([*parts, *filter(None, [score]), f"{self._left(done)} left"])
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._printed = time.monotonic()

    def hide(self) -> None:
        """Remove the bar: a stack has ended, or jobs print lines."""
        if self._bar is not None:
            self._bar.end()

    def count(self, epochs: int) -> None:
        """Count jobs whose fits have ended, and would take so many epochs in all."""
        self._done += epochs

    def _left(self, done: int) -> str:
        seconds = (time.monotonic() - self._begun) * max(self._total - done, 0) / done
        return str(timedelta(seconds=round(seconds)))
