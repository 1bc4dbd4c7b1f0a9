"""Surfaces against autograd, finite differences, and values from the literature."""

import pytest
import torch
from torch import Tensor

from gradexp.models.surfaces import SURFACES, Point, Surface

# Values by hand at a point that is not a minimum; below, values at the global minima.
BY_HAND: dict[str, tuple[Point, float]] = {
    "himmelblau": ((0, 0), 11**2 + 7**2),
    "rosenbrock": ((-1.2, 1), 2.2**2 + 100 * 0.44**2),
    "beale": ((1, 2), (1.5 + 1) ** 2 + (2.25 + 3) ** 2 + (2.625 + 7) ** 2),
    "rastrigin": ((0.5, 1.5), 20 + 0.25 + 2.25 + 20),
    "saddle": ((3, 2), 9 - 4),
    "styblinski_tang": ((1, 2), 0.5 * (1 - 16 + 5 + 16 - 64 + 10)),
}
LOWEST = {
    "himmelblau": 0.0,
    "rosenbrock": 0.0,
    "beale": 0.0,
    "rastrigin": 0.0,
    "styblinski_tang": 2 * -39.16616570377142,
}

surfaces = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


def random_points(surface: Surface, *shape: int) -> Tensor:
    low, high = torch.tensor(surface.domain, dtype=torch.float64).T
    draws = torch.rand(*shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points: Tensor = low + draws * (high - low)
    return points


def as_points(points: tuple[Point, ...]) -> Tensor:
    return torch.tensor(points, dtype=torch.float64).reshape(-1, 2)


def hessian(surface: Surface, points: Tensor) -> Tensor:
    """Central differences [points, 2, 2] of the gradient."""
    step = 1e-5 * torch.eye(2, dtype=torch.float64)
    ahead, behind = surface.gradient(points[:, None] + step), surface.gradient(points[:, None] - step)
    return (ahead - behind) / 2e-5


@surfaces
def test_the_gradient_equals_autograd(surface: Surface) -> None:
    points = random_points(surface, 500).requires_grad_()
    (expected,) = torch.autograd.grad(surface.value(points).sum(), points)
    torch.testing.assert_close(surface.gradient(points.detach()), expected, rtol=1e-11, atol=1e-9)


@surfaces
def test_the_gradient_equals_central_differences(surface: Surface) -> None:
    points, step = random_points(surface, 500), 1e-5 * torch.eye(2, dtype=torch.float64)
    differences = (surface.value(points[:, None] + step) - surface.value(points[:, None] - step)) / 2e-5
    torch.testing.assert_close(surface.gradient(points), differences, rtol=1e-6, atol=1e-4)


@surfaces
def test_the_value_equals_the_formula_by_hand(surface: Surface) -> None:
    point, expected = BY_HAND[surface.name]
    assert surface.value(torch.tensor(point, dtype=torch.float64)).item() == pytest.approx(expected, rel=1e-12)


@surfaces
def test_minima_are_stationary_and_curve_upwards(surface: Surface) -> None:
    minima = as_points(surface.minima + surface.local_minima)
    assert surface.gradient(minima).abs().sum() < 1e-10 * max(len(minima), 1)
    assert (torch.linalg.eigvalsh(hessian(surface, minima)) > 0.1).all()


@surfaces
def test_global_minima_have_the_known_value_and_nothing_is_lower(surface: Surface) -> None:
    if surface.name not in LOWEST:
        assert surface.minima == surface.local_minima == ()
        return
    lowest = LOWEST[surface.name]
    assert surface.value(as_points(surface.minima)).tolist() == pytest.approx([lowest] * len(surface.minima), abs=1e-12)
    assert (surface.value(as_points(surface.local_minima)) > lowest + 0.1).all()
    assert (surface.value(random_points(surface, 10_000)) > lowest).all()


@surfaces
def test_saddles_are_stationary_and_curve_both_ways(surface: Surface) -> None:
    saddles = as_points(surface.saddles)
    assert surface.gradient(saddles).abs().sum() < 1e-10
    curvature = torch.linalg.eigvalsh(hessian(surface, saddles))
    assert (curvature[:, 0] < -0.1).all()
    assert (curvature[:, 1] > 0.1).all()


@surfaces
def test_points_have_any_leading_shape_and_both_types(surface: Surface) -> None:
    points = random_points(surface, 3, 4, 5)
    values, gradients = surface.value(points), surface.gradient(points)
    assert (values.shape, gradients.shape) == ((3, 4, 5), (3, 4, 5, 2))
    for index in ((0, 0, 0), (2, 3, 4)):
        torch.testing.assert_close(surface.value(points[index]), values[index])
        torch.testing.assert_close(surface.gradient(points[index]), gradients[index])
    single = points.float()
    assert surface.value(single).dtype == surface.gradient(single).dtype == torch.float32
    # The same points in float64 give values that differ only by the rounding of sums, whose terms are up to 1e5.
    torch.testing.assert_close(surface.value(single).double(), surface.value(single.double()), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        surface.gradient(single).double(), surface.gradient(single.double()), rtol=1e-4, atol=1e-2
    )


@surfaces
def test_start_and_stationary_points_are_in_the_domain(surface: Surface) -> None:
    low, high = torch.tensor(surface.domain, dtype=torch.float64).T
    points = as_points((surface.start, *surface.minima, *surface.local_minima, *surface.saddles))
    assert ((low <= points) & (points <= high)).all()
    assert len(torch.unique(points[1:], dim=0)) == len(points) - 1
    assert surface.gradient(points[0]).abs().sum() > 0


def test_the_keys_of_surfaces_are_their_names() -> None:
    assert {name: surface.name for name, surface in SURFACES.items()} == {name: name for name in BY_HAND}
    assert {surface.title for surface in SURFACES.values()} >= {"Himmelblau", "Styblinski-Tang"}


def test_rastrigin_has_a_minimum_near_every_integer_point_of_its_domain() -> None:
    surface = SURFACES["rastrigin"]
    minima = as_points(surface.minima + surface.local_minima)
    whole = torch.cartesian_prod(torch.arange(-5.0, 6), torch.arange(-5.0, 6)).double()
    assert len(minima) == len(whole) == 121
    assert torch.cdist(whole, minima).min(dim=1).values.max() < 0.05
    # The minima are ordered by distance from (0, 0), which is also the order of their values.
    values = surface.value(minima)
    assert (values.diff() > -1e-9).all()
