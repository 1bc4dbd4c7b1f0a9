"""A progress bar that costs little: it appears after two seconds and is drawn by time, not by step."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gradexp.step_count import total_steps

APPEARS_AFTER = 2.0  # seconds
DRAWN_EVERY = 0.25  # seconds
SHOWN = ("train/loss", "train/accuracy", "train/r2", "val/accuracy", "val/r2")


class RichBar(ProgressBar):
    """One line on standard error: what runs, steps done, time left, loss and accuracy; gone when it is over.

    Args:
        console: Where it is drawn.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self._bar: Progress | None = None
        self._started = time.monotonic()
        self._drawn = 0.0
        self._done = 0

    def disable(self) -> None:
        """Lightning calls this on processes other than the first."""
        self.console = Console(quiet=True)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._is_due():
            epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
            self._draw(
                f"epoch {trainer.current_epoch + 1}{epochs}",
                trainer.global_step,
                total_steps(trainer),
                trainer.progress_bar_metrics | getattr(pl_module, "latest", {}),
            )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    def on_test_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        self._count("test", sum(trainer.num_test_batches))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    def on_predict_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        self._count("predict", sum(trainer.num_predict_batches))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._end()

    def _begin(self, done: int = 0) -> None:
        self._started, self._drawn, self._done = time.monotonic(), 0.0, done

    def _count(self, what: str, total: float) -> None:
        self._done += 1
        if self._is_due():
            self._draw(what, self._done, total, {})

    def _is_due(self) -> bool:
        now = time.monotonic()
        return now - self._started > APPEARS_AFTER and now - self._drawn > DRAWN_EVERY

    def _draw(self, what: str, done: int, total: float, metrics: dict[str, Any]) -> None:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[metrics]}"),
                console=self.console,
                auto_refresh=False,
                transient=True,
            )
            self._bar.add_task(what, total=None, completed=done, metrics="")
            self._bar.start()
        shown = [name for name in metrics if name in SHOWN]
        text = "  ".join(f"{name.removeprefix('train/')} {metrics[name]:.3g}" for name in shown)
        known_total = total if total != float("inf") else None
        self._bar.update(self._bar.task_ids[0], description=what, completed=done, total=known_total, metrics=text)
        self._bar.refresh()
        self._drawn = time.monotonic()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
