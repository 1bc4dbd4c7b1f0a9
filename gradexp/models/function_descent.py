"""Gradient descent on a function of two variables; the point is the model's parameter."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Unpack, final

import torch
from torch import Tensor, nn

from gradexp.models.abstract_module import SGD, AbstractModule
from gradexp.models.surfaces import SURFACES, Surface
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import PAIR, did_you_mean


class Point(nn.Module):
    """A point [2] on a surface, as a parameter."""

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
        surface: Name of the function in gradexp.models.surfaces.
        start: Initial point; None for the function's usual starting point.
        options: See ObjectiveOptions; there are no weights to penalise, and the loss is the function.
    """

    defaults: ClassVar[ObjectiveOptions] = {"optimizer": SGD, "monitor": "train/loss"}

    def __init__(
        self,
        surface: str,
        start: Annotated[Sequence[float] | None, PAIR] = None,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        if surface not in SURFACES:
            raise ValueError(
                f"model.surface must be one of {', '.join(SURFACES)}; got {surface!r}.{did_you_mean(surface, SURFACES)}"
            )
        if options.get("metrics"):
            raise ValueError(f"metrics must be empty for FunctionDescent; got {', '.join(options['metrics'])}.")
        function = SURFACES[surface]
        super().__init__(Point(function, function.start if start is None else start), {}, **options)
        self.surface = function
        self.save_hyperparameters()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The function's value."""
        return outputs.sum()

    def predictions(self, outputs: Tensor) -> Tensor:
        """The function's value [1]."""
        return outputs
