"""The cost of all training samples by epochs, steps and seconds."""

import csv
import io
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from gradexp.callbacks.report import Report
from gradexp.engine.precision import inputs_for
from gradexp.files import write_atomically


class CostCurve(Report):
    """Measures the loss over the whole training part before the first epoch and after each, and writes a table of it.

    The table is ``cost_curve.csv`` in the trainer's folder: epochs (passes over the data), steps, seconds spent in the
    steps, and the cost. Unlike the mean over an epoch's batches, each cost is of one set of weights, so that full
    batches, mini-batches and single samples can be compared.
    """

    takes_groups = True  # the seconds of a group of steps are measured together

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[float, int, float, float]] = []
        self._seconds = 0.0
        self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._rows:
            self._measure(trainer, pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._seconds += time.perf_counter() - self._started

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._measure(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and self._rows:
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows([("epochs", "steps", "seconds", "cost"), *self._rows])
            write_atomically(Path(trainer.default_root_dir) / "cost_curve.csv", text.getvalue().encode())

    def _measure(self, trainer: Trainer, module: Any) -> None:
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not hasattr(datamodule, "sample"):
            return
        inputs, targets = (inputs_for(module, tensor) for tensor in datamodule.sample(sys.maxsize))
        module.eval()
        with torch.no_grad():
            cost = module.loss(module(inputs), targets).item()
        module.train()
        loader: Any = trainer.train_dataloader
        epochs = trainer.global_step * datamodule.repeat / loader.num_steps
        self._rows.append((epochs, trainer.global_step, self._seconds, cost))

    def state_dict(self) -> dict[str, Any]:
        return {"rows": list(self._rows), "seconds": self._seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._rows = [tuple(row) for row in state_dict["rows"]]
        self._seconds = state_dict["seconds"]
