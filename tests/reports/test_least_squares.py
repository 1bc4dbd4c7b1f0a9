"""Least squares in closed form against NumPy and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import linear_model
from torch import Tensor

from gradexp.reports.least_squares import least_squares, slowest_curvature


def problem(targets: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(50, 4, generator=generator) * torch.tensor([1, 10, 0.1, 1]) + 3
    return inputs, inputs @ torch.randn(4, targets, generator=generator) + torch.randn(50, targets, generator=generator)


def one_hot(categories: int, seed: int) -> Tensor:
    """One-hot columns, standardised in float32 like those of a table."""
    generator = torch.Generator().manual_seed(seed)
    columns = torch.nn.functional.one_hot(torch.randint(categories, (200,), generator=generator)).float()
    return (columns - columns.mean(0)) / columns.std(0, correction=0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("targets", [1, 2])
def test_without_penalty_the_solution_equals_numpys(targets: int, bias: bool) -> None:
    inputs, wanted = problem(targets)
    x = inputs.double().numpy()
    design = np.hstack([x, np.ones((50, 1))]) if bias else x
    expected, *_ = np.linalg.lstsq(design, wanted.double().numpy())
    weight, offset = least_squares(inputs, wanted, bias)
    assert weight.dtype == offset.dtype == torch.float64
    np.testing.assert_allclose(weight, expected[:4].T, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(offset, expected[4] if bias else np.zeros(targets), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("l2", [1e-4, 0.3, 100.0])
def test_with_penalty_the_solution_equals_scikit_learns_ridge(l2: float, targets: int, bias: bool) -> None:
    inputs, wanted = problem(targets)
    expected = linear_model.Ridge(alpha=50 * targets * l2, fit_intercept=bias)
    expected.fit(inputs.double().numpy(), wanted.double().numpy())
    weight, offset = least_squares(inputs, wanted, bias, l2)
    np.testing.assert_allclose(weight, expected.coef_.reshape(targets, 4), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(offset, np.broadcast_to(expected.intercept_, targets), rtol=1e-7, atol=1e-10)


def test_of_several_solutions_the_one_of_smallest_norm_is_returned() -> None:
    generator = torch.Generator().manual_seed(1)
    basis = torch.randn(30, 2, generator=generator)
    inputs, wanted = torch.cat([basis, basis[:, :1]], dim=1), torch.randn(30, 1, generator=generator)
    weight, _ = least_squares(inputs, wanted, bias=False)
    expected = np.linalg.pinv(inputs.double().numpy()) @ wanted.double().numpy()
    np.testing.assert_allclose(weight, expected.T, rtol=1e-9)
    # Two equal columns share the weight equally.
    assert weight[0, 0].item() == pytest.approx(weight[0, 2].item())


def test_fewer_samples_than_features_are_fitted_exactly_by_the_smallest_weights() -> None:
    generator = torch.Generator().manual_seed(2)
    inputs, wanted = torch.randn(3, 6, generator=generator), torch.randn(3, 1, generator=generator)
    weight, bias = least_squares(inputs, wanted)
    x, y = inputs.double().numpy(), wanted.double().numpy()
    np.testing.assert_allclose(x @ weight.numpy().T + bias.numpy(), y, atol=1e-10)
    expected = np.linalg.pinv(x - x.mean(0)) @ (y - y.mean(0))
    np.testing.assert_allclose(weight, expected.T, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_standardised_one_hot_columns_have_moderate_weights(seed: int) -> None:
    inputs = one_hot(5, seed)
    wanted = inputs @ torch.arange(5.0)[:, None] + torch.randn(200, 1, generator=torch.Generator().manual_seed(seed))
    weight, _ = least_squares(inputs, wanted)
    # The columns sum to a constant, so that one direction is undetermined, except for float32 rounding.
    assert weight.abs().max() < 10


@pytest.mark.parametrize("bias", [True, False])
def test_the_slowest_curvature_equals_numpys_smallest_eigenvalue(bias: bool) -> None:
    inputs, _ = problem()
    x = inputs.double().numpy()
    design = np.hstack([x, np.ones((50, 1))]) if bias else x
    expected = np.linalg.eigvalsh(2 / 50 * design.T @ design)[0]
    assert slowest_curvature(inputs, bias) == pytest.approx(expected, rel=1e-9)


def test_the_slowest_curvature_ignores_directions_of_zero_curvature() -> None:
    inputs, _ = problem()
    twice = torch.cat([inputs, inputs[:, :2]], dim=1)
    x = np.hstack([twice.double().numpy(), np.ones((50, 1))])
    eigenvalues = np.linalg.eigvalsh(2 / 50 * x.T @ x)
    assert np.abs(eigenvalues[:2]).max() < 1e-10
    assert slowest_curvature(twice) == pytest.approx(eigenvalues[2], rel=1e-6)


def test_the_formula_of_the_slowest_direction_equals_a_plain_descent() -> None:
    inputs, wanted = problem()
    x, y = inputs.double().numpy(), wanted.double().numpy()[:, 0]
    values, vectors = np.linalg.eigh(2 / 50 * x.T @ x)
    solution = least_squares(inputs, wanted, bias=False)[0].numpy()[0]
    weight = solution + vectors[:, 0]  # off by 1, only in the slowest direction
    lr = 1 / values[-1]
    for _ in range(30):
        weight = weight - lr * 2 / 50 * x.T @ (x @ weight - y)
    remains = (1 - lr * slowest_curvature(inputs, bias=False)) ** 30
    assert np.linalg.norm(weight - solution) == pytest.approx(remains, rel=1e-6)
