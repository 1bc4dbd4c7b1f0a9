"""Seconds of a fit and samples per second."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gradexp.engine.batches import samples_in
from gradexp.engine.interval import Interval, log_at_step
from gradexp.engine.step_callback import StepCallback


class FitClock(StepCallback):
    """Logs ``train/samples_per_second`` every `log_every_n_steps` steps and counts the seconds of the fit.

    The rate excludes validation; `seconds` is the whole fit, including the parts before a resume.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started: float | None = None
        self._lap_started = 0.0
        self._lap_samples = 0
        self._paused = 0.0
        self._interval = Interval(1)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()
        self._interval = Interval.between_logs(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start_lap()

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self._lap_samples += samples_in(batch) * trainer.world_size
        if self._interval.is_over(trainer.global_step):
            rate = self._lap_samples / (time.perf_counter() - self._lap_started)
            log_at_step(trainer, {"train/samples_per_second": rate})
            self._start_lap()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._paused = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._lap_started += time.perf_counter() - self._paused

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._stop()

    @property
    def elapsed(self) -> float:
        """Seconds of the fit so far, including the parts before a resume."""
        return self.seconds + (time.perf_counter() - self._started if self._started is not None else 0.0)

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    def _start_lap(self) -> None:
        self._lap_started, self._lap_samples = time.perf_counter(), 0

    def _stop(self) -> None:
        self.seconds, self._started = self.elapsed, None
