"""Linear least squares in closed form: the solution, and the slowest direction of gradient descent."""

import torch
from torch import Tensor


def least_squares(
    inputs: Tensor, targets: Tensor, bias: bool = True, l2: float = 0.0, near: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The weights and biases that minimise ``mean (weight x + bias - y)^2 + l2 * sum weight^2``.

    The mean is over samples and targets; the bias is not penalised (Gauss 1809; Hoerl and Kennard 1970 for l2 > 0,
    which is scikit-learn's Ridge(alpha = samples * targets * l2)).

    Args:
        inputs: Samples [samples, features].
        targets: Targets [samples, targets].
        bias: Whether there is a bias.
        l2: Factor of the penalty.
        near: Weights [targets, features]; of several solutions, as with one-hot features, the nearest to these is
            returned. None for the solution of smallest norm.

    Returns:
        Weights [targets, features] and biases [targets] (zero without a bias), in float64.
    """
    x, y = inputs.double(), targets.double()
    start = x.new_zeros(y.shape[1], x.shape[1]) if near is None else near.double()
    x_mean = x.mean(dim=0) if bias else x.new_zeros(x.shape[1])
    y_mean = y.mean(dim=0) if bias else y.new_zeros(y.shape[1])
    # The penalty is equivalent to one more sample per feature, with target zero.
    factor = (l2 * y.numel()) ** 0.5
    rows = torch.cat([x - x_mean, factor * torch.eye(x.shape[1], dtype=x.dtype)])
    residuals = torch.cat([y - y_mean - (x - x_mean) @ start.T, -factor * start.T])
    # gelsd gives the solution of smallest norm, here of the difference from `near`.
    weight = start + torch.linalg.lstsq(rows, residuals, driver="gelsd").solution.T
    return weight, y_mean - weight @ x_mean


def design_matrix(inputs: Tensor, bias: bool = True) -> Tensor:
    """Samples [samples, features] in float64, with a column of ones if there is a bias [samples, parameters]."""
    x = inputs.double()
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1) if bias else x


def slowest_curvature(inputs: Tensor, bias: bool = True) -> float:
    """The smallest eigenvalue above zero of 2/n X^T X, the Hessian of the mean squared error for one target.

    Each step of full-batch gradient descent multiplies the error in its eigenvector's direction by ``1 - lr *
    curvature``, so that ``(1 - lr * curvature)^steps`` of it remains; the error shrinks no slower in other directions.
    The inputs are [samples, features].
    """
    x = design_matrix(inputs, bias)
    eigenvalues = torch.linalg.eigvalsh(2 / len(x) * x.T @ x)
    return float(eigenvalues[eigenvalues > 1e-12 * eigenvalues.max()].min())
