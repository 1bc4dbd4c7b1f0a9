"""Gradient descent on a function of two variables: the point is the model."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from gradexp.checks import check, did_you_mean
from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.surfaces import SURFACES, Surface


class Point(nn.Module):
    """A point on a surface, as a parameter.

    Args:
        surface: The function.
        start: Where the point begins [2].
    """

    def __init__(self, surface: Surface, start: Sequence[float]) -> None:
        super().__init__()
        self.surface = surface
        self.point = nn.Parameter(torch.tensor(start, dtype=torch.float32))

    def forward(self, inputs: Tensor) -> Tensor:
        """The function's value at the point [1], whatever the inputs."""
        return self.surface.value(self.point).unsqueeze(0)


@final
class FunctionDescent(AbstractModule):
    """Minimises a function of two variables; its only parameter is the point.

    Args:
        surface: Name of the function in gradexp.surfaces.
        start: Where the point begins; None for the function's customary start.
        optimizer, scheduler, monitor: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        surface: str,
        start: Sequence[float] | None = None,
        optimizer: Mapping[str, Any] = SGD,
        scheduler: Mapping[str, Any] | None = None,
        monitor: str = "train/loss",
    ) -> None:
        check("model.", start=start)
        if surface not in SURFACES:
            raise ValueError(
                f"model.surface must be one of {', '.join(SURFACES)}; got {surface!r}.{did_you_mean(surface, SURFACES)}"
            )
        self.surface = SURFACES[surface]
        network = Point(self.surface, self.surface.start if start is None else start)
        super().__init__(network, {}, optimizer, scheduler, 0.0, 0.0, monitor)
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The value itself."""
        return outputs.sum()

    def predictions(self, outputs: Tensor) -> Tensor:
        """The value [1]."""
        return outputs
