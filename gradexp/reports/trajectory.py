"""The path of a network's parameters during a fit."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

LIMIT = 50_000  # points


class Trajectory:
    """Records all parameters before the first step and after each step of the optimizer.

    Each time there are more than LIMIT points, every second one is dropped; the first is kept.

    Attributes:
        points: The recorded parameters, each point flattened [parameters].
    """

    def __init__(self) -> None:
        self.points: list[Tensor] = []
        self._stride = 1
        self._steps = 0
        self._handle: Any = None

    def start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start recording, or continue the path of a resumed fit."""
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
        """Stop recording."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def stacked(self) -> Tensor:
        """The recorded path [points, parameters]."""
        return torch.stack(self.points).cpu()

    def state_dict(self) -> dict[str, Any]:
        return {"points": self.stacked(), "stride": self._stride, "steps": self._steps} if self.points else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            self.points = list(state["points"])
            self._stride, self._steps = state["stride"], state["steps"]
