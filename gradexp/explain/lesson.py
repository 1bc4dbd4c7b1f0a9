"""What a worked example is made of: words, and numbers that are held against a second way to them."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

TOLERANCE = 1e-9  # of numbers in float64


class Lesson:
    """Collects the lines of an example as it is computed.

    Attributes:
        lines: What is printed.
        checks: How many numbers were held against autograd.
        figures: Pictures that belong to it, by name.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.checks = 0
        self.figures: dict[str, Figure] = {}

    def say(self, words: str = "") -> None:
        """Add a line of words."""
        self.lines.append(words)

    def show(self, formula: str, value: Any) -> None:
        """Add a value that nothing is held against, such as one that is given."""
        self.lines.append(f"  {formula:<46} {told(value)}")

    def hold(self, formula: str, value: Any, autograd: Any, by: str = "autograd") -> None:
        """Add a value in closed form, beside what another way gives.

        Raises:
            ArithmeticError: They differ.
        """
        one, other = _tensor(value), _tensor(autograd)
        if not torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE):
            raise ArithmeticError(f"{formula} is {told(value)}, but {by} gives {told(autograd)}.")
        self.checks += 1
        self.lines.append(f"  {formula:<46} {told(value)}   {by} {told(autograd)}")


def number(value: float, gradient: bool = True) -> Tensor:
    """A number in float64 whose gradient is wanted."""
    return torch.tensor(float(value), dtype=torch.float64, requires_grad=gradient)


def told(value: Any) -> str:
    """A number, vector or matrix, to four digits."""
    plain = value.detach().tolist() if isinstance(value, Tensor) else value
    if isinstance(plain, list):
        return f"[{', '.join(map(told, plain))}]"
    return f"{plain:.4g}" if isinstance(plain, float) else str(plain)


def _tensor(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).detach()
