"""The schedules in conf/, and the learning rate of every step of a fit."""

import math
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer

from gradexp import MLPClassifier
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.objective.schedules import Fit, build_schedules
from tests.options import option

EPOCHS, STEPS = 6, 5  # epochs of a fit, steps of an epoch
LR = 0.04
TORCH = "torch.optim.lr_scheduler"
LINEAR = {"_target_": f"{TORCH}.LinearLR"}


def load(name: str) -> dict[str, Any]:
    return option("scheduler", name)


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=LR)


def built(
    settings: dict[str, Any], steps: float = 100, mode: str | None = "max", optimizer: Optimizer | None = None
) -> list[dict[str, Any]]:
    return build_schedules(optimizer or sgd(), settings, Fit(lambda: steps, "val/metric", mode))


class Rates(Callback):
    """Records the learning rate of each step."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.rates.append(optimizer.param_groups[0]["lr"])


def rates_of_a_fit(scheduler: dict[str, Any], lr: float = LR, **arguments: Any) -> list[float]:
    model = MLPClassifier(3, 2, hidden=(4,), optimizer={"_target_": "torch.optim.SGD", "lr": lr}, scheduler=scheduler)
    # For zero inputs the accuracy does not change at a small learning rate: a plateau from the start.
    source = TensorSource(torch.zeros(10, 3), torch.tensor([0, 1] * 5))
    rates = Rates()
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "callbacks": [rates]}
    trainer = Trainer(max_epochs=EPOCHS, **quiet, **arguments)
    trainer.fit(model, BatchLoader(source, BatchOrder(10, 2)), BatchLoader(source, BatchOrder(10, 10)))
    return rates.rates


def cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
