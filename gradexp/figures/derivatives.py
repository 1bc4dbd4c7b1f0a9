"""Functions with their derivatives, and directional derivatives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.layout import set_title, shared_legend, wrapped
from gradexp.figures.output import asked_width
from gradexp.figures.panels import Array
from gradexp.figures.style import BLUE, GREY, ORANGE, styled


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


@styled
def functions_and_derivatives(curves: Sequence[Curve], label: str, shaded: str) -> Figure:
    """One row per curve with a panel for the function and one for its derivative, shaded where the derivative is flat.

    Args:
        curves: The curves.
        label: Label of the horizontal axis.
        shaded: What is shaded, for the legend.
    """
    width = asked_width() or 9.0
    figure = Figure(figsize=(width, (2.2 if width > 7 else 1.5) * len(curves)), layout="constrained")
    rows = figure.subplots(len(curves), 2, squeeze=False, sharex="row")
    for (left, right), curve in zip(rows, curves, strict=True):
        left.plot(curve.x, curve.values, color=BLUE)
        right.plot(curve.x, curve.slopes, color=ORANGE, linestyle="--")
        for axes in (left, right):
            shade = axes.fill_between(
                curve.x, 0, 1, where=curve.flat, transform=axes.get_xaxis_transform(), color=GREY, alpha=0.25, lw=0
            )
            axes.axhline(0, color="black", linewidth=0.6)
            axes.grid()
        left.set_title(wrapped(curve.name, width / 2 - 0.5, "medium"), fontsize="medium")
        right.set_title("its derivative", fontsize="medium")
    for axes in rows[-1]:
        axes.set_xlabel(label)
    shade.set_label(wrapped(f"shaded: {shaded}", width - 0.8))
    shared_legend(figure, [shade])
    return figure


@styled
def directional_derivatives(angles: Array, slopes: Array, gradient_angle: Array, length: float) -> Figure:
    """The absolute slope in each direction as radius; solid if the function rises, dashed if it falls.

    Args:
        angles: Directions in radians [directions].
        slopes: Directional derivatives [directions].
        gradient_angle: The gradient's direction in radians.
        length: The gradient's length.
    """
    side = asked_width() or 5.5
    figure = Figure(figsize=(side, 1.1 * side), layout="constrained")
    axes: Any = figure.subplots(subplot_kw={"projection": "polar"})
    slopes, angles = np.append(slopes, slopes[0]), np.append(angles, angles[0] + 2 * math.pi)  # a closed curve
    for sign, colour, dashes, label in ((1, BLUE, "-", "f rises"), (-1, ORANGE, "--", "f falls")):
        steep = np.where(sign * slopes >= 0, np.abs(slopes), np.nan)
        axes.plot(angles, steep, dashes, color=colour, label=label)
    angle = float(gradient_angle)
    axes.annotate(
        "", xy=(angle, length), xytext=(0, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 0}
    )
    (arrow,) = axes.plot([], [], color="black", marker=">", label="the gradient")
    axes.set_rlabel_position(math.degrees(angle) + 90)  # clear of the arrow
    set_title(axes, "Slope |∂f/∂u| in each direction u")
    shared_legend(figure, [*axes.get_lines()[:2], arrow])
    return figure
