"""Functions beside their derivatives, and slopes by direction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.array import Array


@dataclass(frozen=True)
class Curve:
    """A function of one number, and its derivative.

    Attributes:
        name: Above its panels.
        x: [points].
        values: [points].
        slopes: [points].
        flat: Where the slope is that small beside its peak, [points] of true and false.
    """

    name: str
    x: Array
    values: Array
    slopes: Array
    flat: Array


def functions_and_derivatives(curves: Sequence[Curve], label: str) -> Figure:
    """A row of two panels a curve, the function and its derivative; where the derivative is flat both are shaded.

    Args:
        curves: What is drawn.
        label: Of the horizontal axis.
    """
    figure = Figure(figsize=(9, 2.2 * len(curves)), layout="constrained")
    rows = figure.subplots(len(curves), 2, squeeze=False, sharex="row")
    for (left, right), curve in zip(rows, curves, strict=True):
        for axes, values, title in (
            (left, curve.values, curve.name),
            (right, curve.slopes, f"{curve.name}: derivative"),
        ):
            axes.plot(curve.x, values, color="#0072B2" if axes is left else "#D55E00")
            axes.fill_between(
                curve.x, 0, 1, where=curve.flat, transform=axes.get_xaxis_transform(), color="grey", alpha=0.18, lw=0
            )
            axes.axhline(0, color="black", linewidth=0.6)
            axes.set_title(title, fontsize=10)
            axes.grid(alpha=0.3)
    for axes in rows[-1]:
        axes.set_xlabel(label)
    return figure


def directional_derivatives(angles: Array, slopes: Array, gradient_angle: Array, length: float) -> Figure:
    """The slope along each direction, outwards; blue where the function rises, orange where it falls.

    Args:
        angles: Directions in radians [directions].
        slopes: Directional derivatives [directions].
        gradient_angle: The gradient's direction in radians.
        length: The gradient's length.
    """
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots(subplot_kw={"projection": "polar"})
    closed, round_ = np.append(slopes, slopes[0]), np.append(angles, angles[0] + 2 * math.pi)
    for sign, colour, label in ((1, "#0072B2", "rises"), (-1, "#D55E00", "falls")):
        axes.plot(round_, np.where(sign * closed >= 0, np.abs(closed), np.nan), color=colour, label=label)
    axes.annotate(
        "gradient", xy=(float(gradient_angle), length), xytext=(float(gradient_angle), 0.45 * length),
        arrowprops={"arrowstyle": "->"}, ha="center",
    )  # fmt: skip
    axes.set_title("slope by direction")
    axes.legend(loc="lower left")
    return figure
