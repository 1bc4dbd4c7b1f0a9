"""Linear least squares in closed form: where gradient descent would end, and what keeps it."""

import torch
from torch import Tensor


def least_squares(
    inputs: Tensor, targets: Tensor, bias: bool = True, l2: float = 0.0, near: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The weights and biases that minimise ``mean (weight x + bias - y)^2 + l2 * sum weight^2``.

    The mean is over samples and targets; the bias bears no penalty (Gauss 1809; Hoerl and Kennard 1970 for l2 > 0,
    which is scikit-learn's Ridge(alpha = samples * targets * l2)).

    Args:
        inputs: Samples [samples, features].
        targets: Targets [samples, targets].
        bias: Whether there is one.
        l2: Factor of the penalty.
        near: Of several solutions, as with one-hot features, the one whose weights are nearest to these [targets,
            features]; None for the shortest.

    Returns:
        Weights [targets, features] and biases [targets] (zero without), in float64.
    """
    x, y = inputs.double(), targets.double()
    first = x.new_zeros(y.shape[1], x.shape[1]) if near is None else near.double()
    x_mean = x.mean(dim=0) if bias else x.new_zeros(x.shape[1])
    y_mean = y.mean(dim=0) if bias else y.new_zeros(y.shape[1])
    # The penalty is as many further samples, whose target is zero.
    factor = (l2 * y.numel()) ** 0.5
    rows = torch.cat([x - x_mean, factor * torch.eye(x.shape[1], dtype=x.dtype)])
    wanted = torch.cat([y - y_mean - (x - x_mean) @ first.T, -factor * first.T])
    # gelsd gives the shortest of several solutions, here of the way from `near`.
    weight = first + torch.linalg.lstsq(rows, wanted, driver="gelsd").solution.T
    return weight, y_mean - weight @ x_mean


def design_matrix(inputs: Tensor, bias: bool = True) -> Tensor:
    """Samples [samples, features] in float64, with a 1 for the bias where there is one [samples, parameters]."""
    x = inputs.double()
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1) if bias else x


def slowest_curvature(inputs: Tensor, bias: bool = True) -> float:
    """The smallest eigenvalue above zero of the mean squared error's Hessian, 2/n X^T X, for one target.

    Plain gradient descent takes ``lr`` times this off the error in its direction with each full-batch step, so that
    ``(1 - lr * curvature)^steps`` of it remains: no direction is slower.

    Args:
        inputs: Samples [samples, features].
        bias: Whether there is one.
    """
    x = design_matrix(inputs, bias)
    eigenvalues = torch.linalg.eigvalsh(2 / len(x) * x.T @ x)
    return float(eigenvalues[eigenvalues > 1e-12 * eigenvalues.max()].min())
