"""A progress bar that costs little: it appears after two seconds and is drawn by time, not by step."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

APPEARS_AFTER = 2.0  # seconds
DRAWN_EVERY = 0.25  # seconds


class ProgressBar:
    """One line on a console: what runs, how much is done, time left, and a text; gone when it is over.

    Args:
        console: Where it is drawn.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar: Progress | None = None
        self.begin()

    def begin(self) -> None:
        """Count the two seconds from now."""
        self._started, self._drawn = time.monotonic(), 0.0

    def is_due(self) -> bool:
        """Whether it is time to draw."""
        now = time.monotonic()
        return now - self._started > APPEARS_AFTER and now - self._drawn > DRAWN_EVERY

    def draw(self, what: str, done: int, total: float, text: str = "") -> None:
        """Draw it.

        Args:
            what: Before the bar.
            done: Out of `total`.
            total: All there is to do; infinite where nobody knows.
            text: After the bar.
        """
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[text]}"),
                console=self.console,
                auto_refresh=False,
                transient=True,
            )
            self._bar.add_task(what, total=None, completed=done, text="")
            self._bar.start()
        known = total if total != float("inf") else None
        self._bar.update(self._bar.task_ids[0], description=what, completed=done, total=known, text=text)
        self._bar.refresh()
        self._drawn = time.monotonic()

    def end(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
