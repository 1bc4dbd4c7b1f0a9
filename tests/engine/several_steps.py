"""Fits with several optimizer steps at once, and their results, to compare with single steps."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers.logger import Logger
from torch import Tensor

from gradexp.app.quiet import quiet_libraries
from gradexp.data import LinearData
from gradexp.models import AbstractModule, LinearRegression

GROUP_SIZE = 10  # steps at once
TRAIN = 30  # samples

# Epochs with different kinds of batches; GROUP_SIZE divides the number of steps: 20, 20, 60 and 20.
EPOCHS: dict[str, dict[str, Any]] = {
    "full batches": {"batch_size": None, "repeat": 20},
    "ragged last batches": {"batch_size": 8, "repeat": 5},  # 8, 8, 8 and 6
    "single samples": {"batch_size": 1, "repeat": 2},
    "a single pass": {"batch_size": 1, "repeat": 1, "num_samples": 30},
}


class Logged(Logger):
    """Records what is logged, as (step, values) in order."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[int | None, dict[str, float]]] = []

    @property
    def name(self) -> str:
        return "logged"

    @property
    def version(self) -> int:
        return 0

    def log_hyperparams(self, *arguments: Any, **keywords: Any) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.entries.append((step, {name: float(value) for name, value in metrics.items()}))


@dataclass
class Fit:
    """A finished fit."""

    trainer: Trainer
    module: AbstractModule
    data: LinearData
    logged: Logged

    @property
    def state(self) -> dict[str, Any]:
        """Weights, optimizer and schedule, bit for bit."""
        return {
            "weights": exactly(self.module.state_dict()),
            "optimizer": exactly(self.trainer.optimizers[0].state_dict()),
            "schedule": [exactly(each.scheduler.state_dict()) for each in self.trainer.lr_scheduler_configs],
            "steps": self.trainer.global_step,
            "epochs": self.trainer.current_epoch,
        }

    @property
    def metrics(self) -> dict[str, float]:
        return {name: value.item() for name, value in self.trainer.callback_metrics.items()}


def exactly(value: Any) -> Any:
    """Nested tensors as nested lists, whose `==` compares every bit."""
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: exactly(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [exactly(each) for each in value]
    return value


def data(steps_per_execution: int, **arguments: Any) -> LinearData:
    """30 training and 10 validation samples."""
    settings: dict[str, Any] = {"true_weight": (5.0, -2.0), "noise": 0.3, "num_samples": TRAIN + 10, "val_size": 10}
    return LinearData(**(settings | arguments), steps_per_execution=steps_per_execution)


def trainer_for(logged: Logged, *callbacks: Callback, **arguments: Any) -> Trainer:
    quiet_libraries()
    quiet: dict[str, Any] = {"enable_progress_bar": False, "num_sanity_val_steps": 0}
    quiet |= {"enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in callbacks)}
    quiet |= {"accelerator": "cpu", "devices": 1, "enable_model_summary": False, "log_every_n_steps": GROUP_SIZE}
    return Trainer(logger=logged, callbacks=list(callbacks), **({"max_epochs": 2} | quiet | arguments))


def fit(
    steps_per_execution: int,
    *callbacks: Callback,
    epoch: dict[str, Any] = EPOCHS["full batches"],
    trainer: dict[str, Any] | None = None,
    ckpt_path: Path | None = None,
    model_class: Callable[..., AbstractModule] = LinearRegression,
    **model: Any,
) -> Fit:
    """Fit a line from fixed initial weights, or resume from `ckpt_path`."""
    torch.manual_seed(0)
    result = Fit(
        trainer_for(logged := Logged(), *callbacks, **(trainer or {})),
        model_class(2, **({"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.05}} | model)),
        data(steps_per_execution, **epoch),
        logged,
    )
    result.trainer.fit(result.module, datamodule=result.data, ckpt_path=ckpt_path, weights_only=True)
    return result


def assert_equal_to_single_steps(several: Fit, single: Fit) -> None:
    assert several.data.steps_at_once == GROUP_SIZE
    assert single.data.steps_at_once == 1
    assert several.state == single.state
    assert several.metrics == single.metrics
    assert several.logged.entries == single.logged.entries
