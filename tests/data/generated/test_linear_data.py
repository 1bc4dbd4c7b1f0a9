"""The moments of LinearData's distributions."""

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from gradexp.data import LinearData

MANY = 40_000
WEIGHT, BIAS = (2.0, -3.4, 0.5), 4.2

Distribution = Literal["uniform", "normal"]


def samples(**arguments: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    settings: dict[str, Any] = {"true_weight": WEIGHT, "true_bias": BIAS, "num_samples": MANY} | arguments
    inputs, targets = LinearData(**settings).tensors("train")
    assert targets.shape == (len(inputs), 1)
    return inputs.double().numpy(), targets[:, 0].double().numpy()


@pytest.mark.parametrize(
    ("distribution", "mean", "variance", "kurtosis"), [("uniform", 0.5, 1 / 12, 1.8), ("normal", 0.0, 1.0, 3.0)]
)
def test_features_have_the_moments_of_their_distribution(
    distribution: Distribution, mean: float, variance: float, kurtosis: float
) -> None:
    inputs, _ = samples(distribution=distribution)
    assert inputs.shape == (MANY, 3)
    # Five standard errors: std / sqrt(n) of the mean, and at most sqrt(2 / n) relative to the variance.
    np.testing.assert_allclose(inputs.mean(0), mean, atol=5 * np.sqrt(variance / MANY))
    np.testing.assert_allclose(inputs.var(0), variance, rtol=5 * np.sqrt(2 / MANY))
    centred = inputs - inputs.mean(0)
    np.testing.assert_allclose((centred**4).mean(0) / inputs.var(0) ** 2, kurtosis, rtol=0.1)
    np.testing.assert_allclose(np.corrcoef(inputs.T), np.eye(3), atol=5 / np.sqrt(MANY))
    if distribution == "uniform":
        assert inputs.min() >= 0
        assert inputs.max() < 1


@pytest.mark.parametrize("noise", [0.0, 0.25, 3.0])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_targets_are_the_linear_function_plus_normal_noise(distribution: Distribution, noise: float) -> None:
    inputs, targets = samples(distribution=distribution, noise=noise)
    rest = targets - inputs @ WEIGHT - BIAS
    assert rest.std() == pytest.approx(noise, rel=5 * np.sqrt(0.5 / MANY), abs=1e-5)
    assert rest.mean() == pytest.approx(0, abs=5 * noise / np.sqrt(MANY) + 1e-5)
    if noise:
        assert (np.abs(rest) < 2 * noise).mean() == pytest.approx(0.9545, abs=0.01)
        correlation = np.corrcoef(np.column_stack([inputs, rest]).T)[-1, :-1]
        np.testing.assert_allclose(correlation, 0, atol=5 / np.sqrt(MANY))


def test_default_has_one_feature() -> None:
    data = LinearData()
    data.setup("fit")
    assert (data.num_features, data.num_classes, data.sizes()) == (1, 0, {"train": 256, "val": 0})
    assert data.in_target_units(data.sample(3)[1]) is not None


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("true_weight", []),
        ("true_weight", ["a"]),
        ("true_bias", float("inf")),
        ("noise", -0.1),
        ("distribution", "cauchy"),
        ("num_samples", 0),
        ("batch_size", 0),
    ],
)
def test_invalid_arguments_raise_with_their_name(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {argument: value}
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*; got "):
        LinearData(**arguments)
