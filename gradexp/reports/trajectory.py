"""The way that parameters take."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

LIMIT = 50_000  # points that are kept


class Trajectory:
    """The values of all of a network's parameters, from the start on after each step of the optimizer.

    Of a fit of more than LIMIT steps every second point is forgotten, then every second of those that are left, and so
    on; the start stays.

    Attributes:
        points: All parameters in one row each [parameters].
    """

    def __init__(self) -> None:
        self.points: list[Tensor] = []
        self._stride = 1
        self._steps = 0
        self._handle: Any = None

    def follow(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, or go on, with the fit that starts now."""
        parameters = list(pl_module.parameters())

        def values() -> Tensor:
            if len(parameters) == 1:
                return parameters[0].detach().flatten().clone()
            return torch.cat([parameter.detach().flatten() for parameter in parameters])

        def record(*_: Any) -> None:
            self._steps += 1
            if self._steps % self._stride:
                return
            self.points.append(values())
            if len(self.points) > LIMIT:
                self.points = self.points[::2]
                self._stride *= 2

        if not self.points:
            self.points.append(values())
        self._handle = trainer.optimizers[0].register_step_post_hook(record)

    def stop(self) -> None:
        """Let go of the optimizer."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def stacked(self) -> Tensor:
        """The path so far [points, parameters]."""
        return torch.stack(self.points).cpu()

    def state_dict(self) -> dict[str, Any]:
        return {"points": self.stacked(), "stride": self._stride, "steps": self._steps} if self.points else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            self.points = list(state["points"])
            self._stride, self._steps = state["stride"], state["steps"]
