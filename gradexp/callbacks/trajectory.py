"""The way that parameters take."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor


class Trajectory:
    """The values of all of a network's parameters, from the start on after each step of the optimizer.

    Attributes:
        points: All parameters in one row each [parameters].
    """

    def __init__(self) -> None:
        self.points: list[Tensor] = []
        self._handle: Any = None

    def follow(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, or go on, with the fit that starts now."""
        parameters = list(pl_module.parameters())

        def record(*_: Any) -> None:
            self.points.append(
                parameters[0].detach().flatten().clone()
                if len(parameters) == 1
                else torch.cat([parameter.detach().flatten() for parameter in parameters])
            )

        if not self.points:
            record()
        self._handle = trainer.optimizers[0].register_step_post_hook(record)

    def stop(self) -> None:
        """Let go of the optimizer."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def stacked(self) -> Tensor:
        """The path so far [steps + 1, parameters]."""
        return torch.stack(self.points).cpu()
