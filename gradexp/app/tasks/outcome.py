"""The outcome of a task, and the metrics that several tasks report."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from lightning.pytorch import LightningModule

from gradexp.app.tasks.restore import Restored
from gradexp.data import AbstractDataModule

COARSE = 100  # validation samples


@dataclass(frozen=True)
class Outcome:
    """Metrics for metrics.json, and notes for the user.

    Attributes:
        metrics: One flat mapping: "status", metrics by name, seconds, and facts about the data.
        notes: What else the user should know.
        restored: The module whose weights are tested, with its data; None for a task without one.
        predictions: The rows of predictions.csv, of the task that writes it.
    """

    metrics: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    restored: Restored | None = None
    predictions: pl.DataFrame | None = None

    @property
    def module(self) -> LightningModule | None:
        """The module without its Trainer, which refers to the data; None after a divergence."""
        if self.restored is None or self.metrics["status"] != "completed":
            return None
        model = self.restored.model
        model.trainer = None
        return model.cpu().eval()


def facts(data: AbstractDataModule, model: LightningModule) -> dict[str, Any]:
    """The data's class, its numbers of samples and classes, or its target, and the number of the model's parameters."""
    sizes = {f"samples/{part}": size for part, size in data.sizes().items()}
    parameters = sum(parameter.numel() for parameter in model.parameters())
    kind: dict[str, Any] = {"classes": data.num_classes}
    if not data.num_classes:
        kind = {"target_std": data.target_std} | ({"target_name": data.target_name} if data.target_name else {})
    return {"data": type(data).__name__, **sizes, **kind, "parameters": parameters}


def coarse_score(metrics: Mapping[str, Any]) -> list[str]:
    """A note if one sample of a classifier's validation part is a percent of its accuracy or more."""
    samples = metrics.get("samples/val", 0)
    if "classes" not in metrics or not 0 < samples <= COARSE:
        return []
    return [f"val/accuracy is coarse: one of the {samples} validation samples is {1 / samples:.1%} of it"]


def root_errors(metrics: Mapping[str, Any], data: AbstractDataModule) -> dict[str, float]:
    """Root mean squared errors in the targets' units, one for each mean squared error."""
    return {
        name.replace("/mse", "/rmse"): math.sqrt(value) * data.target_std
        for name, value in metrics.items()
        if name.endswith("/mse") and name.replace("/mse", "/rmse") not in metrics  # unless the user added that metric
    }
