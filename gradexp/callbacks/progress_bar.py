"""A cheap progress bar, and the callback that draws it: it appears after two seconds and is redrawn by time."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar as LightningProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gradexp.engine.accumulation import total_epochs, total_steps

APPEARS_AFTER = 2.0  # seconds
DRAWN_EVERY = 0.25  # seconds
SHOWN = ("train/loss", "train/accuracy", "train/r2", "val/accuracy", "val/r2")


class ProgressBar:
    """One line on a console: a label, a bar, the time left and a text. It disappears at the end."""

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
        """Draw the label, the bar for `done` of `total` steps (infinite if that is unknown), and the text."""
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[text]}", markup=False),
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


class RichBar(LightningProgressBar):
    """A ProgressBar with the epoch or stage, the steps done, the time left, and the loss and score.

    Args:
        console: Where it is drawn.
    """

    takes_groups = True  # drawn by time, not by step

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._bar = ProgressBar(console)
        self._done = 0

    def disable(self) -> None:
        """Lightning calls this on processes other than the first."""
        self._bar = ProgressBar(Console(quiet=True))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar.is_due():
            epochs = total_epochs(trainer)
            label = f"epoch {trainer.current_epoch + 1}{'' if epochs == float('inf') else f'/{epochs}'}"
            metrics = trainer.progress_bar_metrics | getattr(pl_module, "latest", {})
            shown = [f"{name.removeprefix('train/')} {metrics[name]:.3g}" for name in metrics if name in SHOWN]
            self._bar.draw(label, trainer.global_step, total_steps(trainer), "  ".join(shown))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.end()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    def on_test_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        self._count("test", sum(trainer.num_test_batches))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.end()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    def on_predict_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        self._count("predict", sum(trainer.num_predict_batches))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._bar.end()

    def _begin(self) -> None:
        self._bar.begin()
        self._done = 0

    def _count(self, stage: str, total: float) -> None:
        self._done += 1
        if self._bar.is_due():
            self._bar.draw(stage, self._done, total)
