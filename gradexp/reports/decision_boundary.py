"""The regions of the classes that a classifier predicts."""

from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.callbacks.report import Report
from gradexp.engine.precision import inputs_for

POINTS = 2000  # training samples drawn
GRID = 250  # points along each axis
MAX_FEATURES = 1000  # inputs with more are images, of which a plane shows nothing


class DecisionBoundary(Report):
    """Draws the regions of the classes after a fit: over two features, or with more on the plane of the first two
    principal components through the mean of the training samples.

    Args:
        classes: Names by class number.
        draw: Whether to publish figures.
    """

    def __init__(self, classes: list[str], draw: bool = True) -> None:
        super().__init__(draw)
        self.classes = classes

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module: Any = pl_module
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not self.draw or not self.classes or not hasattr(datamodule, "sample"):
            return
        inputs, targets = datamodule.sample(POINTS)
        if inputs.ndim != 2 or not 2 <= inputs.shape[1] <= MAX_FEATURES or len(inputs) < 2:
            return
        origin, axes, labels = plane(inputs)
        points = (inputs - origin) @ axes.T
        x, y = (_axis(points[:, axis]) for axis in (0, 1))
        grid = torch.cartesian_prod(y, x).flip(1)  # row by row
        module.eval()
        with torch.no_grad():
            outputs = module(inputs_for(module, torch.cat([origin + grid @ axes, inputs])))
            predicted = module.predictions(outputs).argmax(dim=1).cpu()
        regions = predicted[: len(grid)].reshape(len(y), len(x))
        accuracy = (predicted[len(grid) :] == targets).double().mean().item()
        title = f"Predicted classes: {accuracy:.2%} of {len(inputs):,} training samples are right"
        figure = figures.decision_boundary(
            x.numpy(), y.numpy(), regions.numpy(), points.numpy(), targets.numpy(), self.classes, labels, title
        )
        publish(trainer, "decision_boundary", figure)


def plane(inputs: Tensor) -> tuple[Tensor, Tensor, tuple[str, str]]:
    """The plane that is drawn: its origin [features], two unit vectors [2, features], and their names."""
    if inputs.shape[1] == 2:
        return torch.zeros(2), torch.eye(2), ("x1", "x2")
    origin = inputs.mean(dim=0)
    axes = torch.linalg.svd(inputs - origin, full_matrices=False).Vh[:2]
    return origin, axes, ("first principal component", "second principal component")


def _axis(values: Tensor) -> Tensor:
    """A grid [GRID] over the values, with a border."""
    low, high = values.min().item(), values.max().item()
    border = 0.1 * (high - low) or 1.0
    return torch.from_numpy(np.linspace(low - border, high + border, GRID)).to(values.dtype)
