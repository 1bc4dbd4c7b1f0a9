"""A progress bar for the jobs of a sweep, on a terminal or in a notebook."""

import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.manifest import NAME, Manifest

DRAWN = 2  # times a second


class SweepBar(Progress):
    """Counts the jobs that have ended whenever it is drawn, by their files: whichever process runs them.

    Args:
        folder: Gives the sweep's folder, which may not exist yet.
        console: Where the bar is drawn.
        is_drawn: Whether it is.
    """

    def __init__(self, folder: Callable[[], Path], console: Console, is_drawn: bool) -> None:
        self._folder = folder
        self._read_at = 0  # when the manifest was written that has been read
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        super().__init__(*columns, *times, console=console, refresh_per_second=DRAWN, disable=not is_drawn)
        self._jobs = self.add_task("jobs", total=None, visible=False)

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.task_ids:
            with suppress(OSError, ValueError):  # the manifest is damaged: the sweep itself says so
                self.count()
        return super().get_renderables()

    def count(self) -> None:
        """Count the jobs, and those that have ended."""
        folder = self._folder()
        ended = sum(1 for _ in folder.glob(f"*/{job_folder.METRICS}"))
        path = folder / NAME
        written_at = path.stat().st_mtime_ns if path.is_file() else 0
        manifest = Manifest.read(folder) if written_at > self._read_at else None
        if manifest is not None:
            self._read_at = written_at
            self.update(self._jobs, total=sum(job.stage != "superseded" for job in manifest.jobs.values()))
        self.update(self._jobs, completed=ended, visible=ended > 0 or self._read_at > 0)

    def stop(self) -> None:
        if not self.disable and self.console.is_jupyter:
            self.refresh()  # which rich leaves out there: the bar would end before the last job
        super().stop()


def can_draw(console: Console) -> bool:
    """Whether a bar can be drawn on this console; warns in a notebook that cannot draw one."""
    if console.is_jupyter and find_spec("ipywidgets") is None:
        warnings.warn("no progress bar is drawn: a notebook needs the package ipywidgets for one", stacklevel=3)
        return False
    return console.is_jupyter or console.is_terminal
