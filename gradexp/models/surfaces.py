"""Test functions for optimisation in two variables, with their gradients in closed form."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Point = tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A function of two variables and its known properties.

    Attributes:
        name: Its key in `SURFACES`.
        formula: The formula, for titles.
        function: f(x, y) of tensors of one shape.
        partials: df/dx and df/dy at x and y.
        minima: All global minima.
        local_minima: The other minima in the domain.
        saddles: Saddle points; empty if the function has very many.
        domain: The usual domain, ((x_low, x_high), (y_low, y_high)).
        start: An initial point, the usual one if there is one.
    """

    name: str
    formula: str
    function: Callable[[Tensor, Tensor], Tensor]
    partials: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    domain: tuple[Point, Point]
    start: Point
    minima: tuple[Point, ...] = ()
    local_minima: tuple[Point, ...] = ()
    saddles: tuple[Point, ...] = ()

    @property
    def title(self) -> str:
        """The name as titles of figures have it, such as Styblinski-Tang."""
        return self.name.replace("_", "-").title()

    def value(self, points: Tensor) -> Tensor:
        """The function [...] at points [..., 2]."""
        return self.function(*points.unbind(-1))

    def gradient(self, points: Tensor) -> Tensor:
        """The gradient [..., 2] at points [..., 2]."""
        return torch.stack(self.partials(*points.unbind(-1)), dim=-1)


# Products are used in place of powers: pow() is several times slower.


def _himmelblau(x: Tensor, y: Tensor) -> Tensor:
    a, b = x * x + y - 11, x + y * y - 7
    return a * a + b * b


def _himmelblau_partials(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    a, b = x * x + y - 11, x + y * y - 7
    return 4 * x * a + 2 * b, 2 * a + 4 * y * b


def _rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    across = y - x * x
    return (1 - x) * (1 - x) + 100 * across * across


def _rosenbrock_partials(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    across = y - x * x
    return 2 * (x - 1) - 400 * x * across, 200 * across


def _beale_residuals(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return 1.5 - x * (1 - y), 2.25 - x * (1 - y * y), 2.625 - x * (1 - y * y * y)


def _beale(x: Tensor, y: Tensor) -> Tensor:
    a, b, c = _beale_residuals(x, y)
    return a * a + b * b + c * c


def _beale_partials(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    a, b, c = _beale_residuals(x, y)
    square = y * y
    return 2 * (a * (y - 1) + b * (square - 1) + c * (y * square - 1)), 2 * x * (a + 2 * y * b + 3 * square * c)


def _rastrigin(x: Tensor, y: Tensor) -> Tensor:
    return 20 + x * x + y * y - 10 * (torch.cos(2 * math.pi * x) + torch.cos(2 * math.pi * y))


def _rastrigin_partials(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return 2 * x + 20 * math.pi * torch.sin(2 * math.pi * x), 2 * y + 20 * math.pi * torch.sin(2 * math.pi * y)


def _rastrigin_local_minima() -> tuple[Point, ...]:
    """The minima in the domain other than (0, 0), nearest to (0, 0) first.

    Both coordinates solve x + 10 pi sin(2 pi x) = 0 near an integer, from which Newton's method converges quickly.
    """
    coordinates = [float(whole) for whole in range(-5, 6)]
    for _ in range(8):
        coordinates = [
            x - (x + 10 * math.pi * math.sin(2 * math.pi * x)) / (1 + 20 * math.pi**2 * math.cos(2 * math.pi * x))
            for x in coordinates
        ]
    grid = [(x, y) for x in coordinates for y in coordinates if (x, y) != (0.0, 0.0)]
    return tuple(sorted(grid, key=lambda point: math.hypot(*point)))


def _saddle(x: Tensor, y: Tensor) -> Tensor:
    return x * x - y * y


def _saddle_partials(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return 2 * x, -2 * y


def _styblinski_tang(x: Tensor, y: Tensor) -> Tensor:
    a, b = x * x, y * y
    return 0.5 * (a * (a - 16) + 5 * x + b * (b - 16) + 5 * y)


def _styblinski_tang_partials(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return 2 * x * (x * x - 8) + 2.5, 2 * y * (y * y - 8) + 2.5


# Roots of 4 x^3 - 32 x + 5; both coordinates of each stationary point of the Styblinski-Tang function are among them.
_LOW, _MIDDLE, _HIGH = -2.903534027771177, 0.1567312567803401, 2.746802770990837

# Coordinates that are not round were refined by Newton's method until the gradient was zero in float64.
SURFACES: Mapping[str, Surface] = {
    surface.name: surface
    for surface in (
        # Himmelblau, "Applied Nonlinear Programming", 1972: four minima of equal value.
        Surface(
            name="himmelblau",
            formula="(x² + y - 11)² + (x + y² - 7)²",
            function=_himmelblau,
            partials=_himmelblau_partials,
            domain=((-5.0, 5.0), (-5.0, 5.0)),
            start=(0.0, 0.0),
            minima=(
                (3.0, 2.0),
                (-2.805118086952745, 3.131312518250573),
                (-3.779310253377747, -3.283185991286169),
                (3.584428340330492, -1.848126526964403),
            ),
            saddles=(
                (0.08667750455539634, 2.884254701174776),
                (3.385154183607021, 0.07385187983774928),
                (-3.07302575076439, -0.08135304428796751),
                (-0.12796134673068, -1.953714980244577),
            ),
        ),
        # Rosenbrock, "An automatic method for finding the greatest or least value of a function", 1960, with his
        # start: a curved valley, a hundred times steeper across than along.
        Surface(
            name="rosenbrock",
            formula="(1 - x)² + 100 (y - x²)²",
            function=_rosenbrock,
            partials=_rosenbrock_partials,
            domain=((-2.0, 2.0), (-1.0, 3.0)),
            start=(-1.2, 1.0),
            minima=((1.0, 1.0),),
        ),
        # Beale, "On an iterative method for finding a local minimum of a function of more than one variable", 1958;
        # the start of More, Garbow and Hillstrom, "Testing unconstrained optimization software", 1981.
        Surface(
            name="beale",
            formula="(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²",
            function=_beale,
            partials=_beale_partials,
            domain=((-4.5, 4.5), (-4.5, 4.5)),
            start=(1.0, 1.0),
            minima=((3.0, 0.5),),
            saddles=((0.0, 1.0), (0.1005379373241584, -2.644513585023125)),
        ),
        # Rastrigin, "Systems of extremal control" (in Russian), 1974, in two variables: a bowl with many local minima.
        Surface(
            name="rastrigin",
            formula="20 + x² + y² - 10 cos 2πx - 10 cos 2πy",
            function=_rastrigin,
            partials=_rastrigin_partials,
            domain=((-5.12, 5.12), (-5.12, 5.12)),
            start=(2.4, -1.6),
            minima=((0.0, 0.0),),
            local_minima=_rastrigin_local_minima(),
        ),
        # The simplest saddle; it has no minimum. The start is just off y = 0, where descent would end at (0, 0).
        Surface(
            name="saddle",
            formula="x² - y²",
            function=_saddle,
            partials=_saddle_partials,
            domain=((-2.0, 2.0), (-2.0, 2.0)),
            start=(1.0, 1e-3),
            saddles=((0.0, 0.0),),
        ),
        # Styblinski and Tang, "Experiments in nonconvex optimization: stochastic approximation with function smoothing
        # and simulated annealing", 1990: one global and three local minima.
        Surface(
            name="styblinski_tang",
            formula="½ (x⁴ - 16x² + 5x + y⁴ - 16y² + 5y)",
            function=_styblinski_tang,
            partials=_styblinski_tang_partials,
            domain=((-5.0, 5.0), (-5.0, 5.0)),
            start=(0.0, 0.0),
            minima=((_LOW, _LOW),),
            local_minima=((_LOW, _HIGH), (_HIGH, _LOW), (_HIGH, _HIGH)),
            saddles=((_LOW, _MIDDLE), (_MIDDLE, _LOW), (_HIGH, _MIDDLE), (_MIDDLE, _HIGH)),
        ),
    )
}
