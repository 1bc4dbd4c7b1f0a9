"""The progress bar of a fit, test or prediction as a Lightning callback."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar as LightningProgressBar
from rich.console import Console

from gradexp.callbacks.progress_bar import ProgressBar
from gradexp.engine.accumulation import total_steps

SHOWN = ("train/loss", "train/accuracy", "train/r2", "val/accuracy", "val/r2")


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
        self._begin(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar.is_due():
            of_epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
            label = f"epoch {trainer.current_epoch + 1}{of_epochs}"
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

    def _begin(self, done: int = 0) -> None:
        self._bar.begin()
        self._done = done

    def _count(self, stage: str, total: float) -> None:
        self._done += 1
        if self._bar.is_due():
            self._bar.draw(stage, self._done, total)
