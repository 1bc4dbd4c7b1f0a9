"""A worked example: text, and numbers that are compared with a second computation."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

TOLERANCE = 1e-9  # for float64
SHADED = "the derivative is below 1 % of its peak"  # in figures


class Lesson:
    """Collects the lines of an example while it is computed.

    Attributes:
        lines: The lines to print.
        checks: How many numbers were compared.
        figures: The figures of the example, by name.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.checks = 0
        self.figures: dict[str, Figure] = {}

    def write(self, line: str) -> None:
        """Add a line of text."""
        self.lines.append(line)

    def section(self, line: str) -> None:
        """Add an empty line and a line of text."""
        self.lines += ["", line]

    def show(self, formula: str, value: Any) -> None:
        """Add a value without a comparison."""
        self.lines.append(f"  {formula:<46} {formatted(value)}")

    def compare(self, formula: str, value: Any, reference: Any, by: str = "autograd") -> None:
        """Add a value in closed form, and the reference that `by` computed.

        Raises:
            ArithmeticError: They differ.
        """
        if not torch.allclose(_tensor(value), _tensor(reference), rtol=TOLERANCE, atol=TOLERANCE):
            raise ArithmeticError(f"{formula} is {formatted(value)}, but {by} gives {formatted(reference)}.")
        self.checks += 1
        self.lines.append(f"  {formula:<46} {formatted(value)}   {by} {formatted(reference)}")


def number(value: float) -> Tensor:
    """A number in float64 that requires a gradient."""
    return torch.tensor(float(value), dtype=torch.float64, requires_grad=True)


def formatted(value: Any) -> str:
    """A number, vector or matrix with four digits."""
    plain = value.detach().tolist() if isinstance(value, Tensor) else value
    if isinstance(plain, list):
        return f"[{', '.join(map(formatted, plain))}]"
    return f"{plain:.4g}" if isinstance(plain, float) else str(plain)


def _tensor(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).detach()
