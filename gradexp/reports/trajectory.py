"""The base class of reports that need the path of the parameters during a fit."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp.callbacks.report import Report
from gradexp.engine.precision import at_least_single

LIMIT = 50_000  # points


class TrajectoryReport(Report, ABC):
    """Records all parameters before the first and after each step of the optimizer, if `draw` is set.

    Each time there are more than LIMIT points, every second one is dropped; the first is kept.

    Attributes:
        points: The recorded parameters, each point flattened [parameters].
    """

    def __init__(self, draw: bool = True) -> None:
        super().__init__(draw)
        self.points: list[Tensor] = []
        self._stride = 1
        self._steps = 0
        self._handle: Any = None

    @abstractmethod
    def records(self, module: LightningModule) -> bool:
        """Whether the path of this module is needed."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.draw or not self.records(pl_module):
            return
        parameters = list(pl_module.parameters())

        def values() -> Tensor:
            return at_least_single(torch.cat([parameter.detach().flatten() for parameter in parameters]))

        def record(*_: Any) -> None:
            self._steps += 1
            if self._steps % self._stride:
                return
            self.points.append(values())
            if len(self.points) > LIMIT:
                self.points = self.points[::2]
                self._stride *= 2

        if not self.points:  # else this fit resumes another, and continues its path
            self.points.append(values())
        self._handle = trainer.optimizers[0].register_step_post_hook(record)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def path(self) -> Tensor:
        """The recorded path [points, parameters]."""
        return torch.stack(self.points).cpu()

    def state_dict(self) -> dict[str, Any]:
        return {"points": self.path(), "stride": self._stride, "steps": self._steps} if self.points else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict:
            self.points = list(state_dict["points"])
            self._stride, self._steps = state_dict["stride"], state_dict["steps"]
