"""What a task gives back, and the parts of it that the tasks share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gradexp.data import AbstractDataModule


@dataclass(frozen=True)
class Outcome:
    """Numbers for metrics.json, and lines for the user.

    Attributes:
        metrics: One flat object: "status", metrics by name, seconds, and what the data was.
        notes: What the user should know beside them.
    """

    metrics: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def logged(trainer: Trainer) -> dict[str, float]:
    """The metrics that the last stage logged, by name."""
    return {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}


def facts(data: AbstractDataModule, model: LightningModule) -> dict[str, Any]:
    """Which data it really was, how many samples of each part and classes, and the number of the model's parameters."""
    sizes = {f"samples/{part}": size for part, size in data.sizes().items()}
    parameters = sum(parameter.numel() for parameter in model.parameters())
    classes = {"classes": data.num_classes} if data.num_classes else {}
    return {"data": type(data).__name__, **sizes, **classes, "parameters": parameters}


def root_errors(metrics: Mapping[str, Any], data: AbstractDataModule) -> dict[str, float]:
    """Root mean squared errors by stage, in the targets' own units, where there are mean squared ones."""
    return {
        name.replace("/mse", "/rmse"): math.sqrt(value) * data.target_std
        for name, value in metrics.items()
        if name.endswith("/mse") and name.replace("/mse", "/rmse") not in metrics  # one of the user's own
    }
