"""A cheap progress bar: it appears after two seconds and is redrawn by time, not by step."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

APPEARS_AFTER = 2.0  # seconds
DRAWN_EVERY = 0.25  # seconds


class ProgressBar:
    """One line on a console: a label, a bar, the time left and a text. It disappears at the end.

    Args:
        console: Where it is drawn.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar: Progress | None = None
        self.begin()

    def begin(self) -> None:
        """Restart the two seconds after which it appears."""
        self._started, self._drawn = time.monotonic(), 0.0

    def is_due(self) -> bool:
        """Whether it is time to draw."""
        now = time.monotonic()
        return now - self._started > APPEARS_AFTER and now - self._drawn > DRAWN_EVERY

    def draw(self, label: str, done: int, total: float, text: str = "") -> None:
        """Draw the line.

        Args:
            label: Text before the bar.
            done: Number of steps done.
            total: Number of steps; infinite if it is unknown.
            text: Text after the bar.
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
            self._bar.add_task(label, total=None, completed=done, text="")
            self._bar.start()
        finite_total = total if total != float("inf") else None
        self._bar.update(self._bar.task_ids[0], description=label, completed=done, total=finite_total, text=text)
        self._bar.refresh()
        self._drawn = time.monotonic()

    def end(self) -> None:
        """Remove the line."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
