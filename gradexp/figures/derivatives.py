"""Functions with their derivatives, and directional derivatives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.panels import Array


@dataclass(frozen=True)
class Curve:
    """A function of one variable, and its derivative.

    Attributes:
        name: Name of the function.
        x: Inputs [points].
        values: Values [points].
        slopes: Derivative [points].
        flat: Whether the derivative is small compared with its peak [points].
    """

    name: str
    x: Array
    values: Array
    slopes: Array
    flat: Array


def functions_and_derivatives(curves: Sequence[Curve], label: str) -> Figure:
    """One row per curve with a panel for the function and one for its derivative, shaded where the derivative is flat.

    Args:
        curves: The curves.
        label: Label of the horizontal axis.
    """
    figure = Figure(figsize=(9, 2.2 * len(curves)), layout="constrained")
    rows = figure.subplots(len(curves), 2, squeeze=False, sharex="row")
    for (left, right), curve in zip(rows, curves, strict=True):
        left.plot(curve.x, curve.values, color="#0072B2")
        right.plot(curve.x, curve.slopes, color="#D55E00")
        for axes, title in ((left, curve.name), (right, f"{curve.name}: derivative")):
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
    """The absolute slope in each direction as radius; blue if the function rises, orange if it falls.

    Args:
        angles: Directions in radians [directions].
        slopes: Directional derivatives [directions].
        gradient_angle: The gradient's direction in radians.
        length: The gradient's length.
    """
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots(subplot_kw={"projection": "polar"})
    slopes, angles = np.append(slopes, slopes[0]), np.append(angles, angles[0] + 2 * math.pi)  # a closed curve
    for sign, colour, label in ((1, "#0072B2", "rises"), (-1, "#D55E00", "falls")):
        axes.plot(angles, np.where(sign * slopes >= 0, np.abs(slopes), np.nan), color=colour, label=label)
    axes.annotate(
        "gradient", xy=(float(gradient_angle), length), xytext=(float(gradient_angle), 0.45 * length),
        arrowprops={"arrowstyle": "->"}, ha="center",
    )  # fmt: skip
    axes.set_title("slope by direction")
    axes.legend(loc="lower left")
    return figure
