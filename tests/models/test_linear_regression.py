"""LinearRegression against scikit-learn and NumPy, mostly on the diabetes data."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import linear_model
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score

from gradexp import run
from gradexp.data import Diabetes
from gradexp.models import LinearRegression
from tests.models.fitting import LBFGS, Array, as_numpy, fitted, full_batches


def standardised() -> tuple[Array, Array, Array, Array]:
    """Training and test samples: every fifth is a test sample; all are scaled by the training samples."""
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    in_test = np.arange(len(inputs)) % 5 == 4
    x, y = inputs[~in_test], targets[~in_test]
    scaled, wanted = (inputs - x.mean(0)) / x.std(0), (targets - y.mean()) / y.std()
    return scaled[~in_test], wanted[~in_test], scaled[in_test], wanted[in_test]


def on_diabetes(optimizer: dict[str, Any], steps: int = 20, **arguments: Any) -> LinearRegression:
    torch.manual_seed(0)
    model = LinearRegression(10, optimizer=optimizer, **arguments)
    data = Diabetes(val_size=0, repeat=steps, steps_per_execution=50)
    trainer = fitted(model, data)
    assert trainer.global_step == steps
    return model


def weight_and_bias(model: LinearRegression) -> tuple[Array, Array]:
    return as_numpy(model.network.get_parameter("weight")), as_numpy(model.network.get_parameter("bias"))


@pytest.mark.parametrize("l2", [0.0, 0.01, 1.0])
def test_weights_converge_to_scikit_learns_least_squares_and_ridge(l2: float) -> None:
    x, y, _, _ = standardised()
    expected = linear_model.Ridge(alpha=len(x) * l2) if l2 else linear_model.LinearRegression()
    expected.fit(x, y)
    weight, bias = weight_and_bias(on_diabetes(LBFGS, l2=l2))
    # The data module's standardised samples are float32.
    np.testing.assert_allclose(weight[0], expected.coef_, atol=1e-4)
    np.testing.assert_allclose(bias, expected.intercept_, atol=1e-6)


@pytest.mark.parametrize("l1", [0.05, 0.5])
def test_weights_converge_to_scikit_learns_lasso(l1: float) -> None:
    x, y, _, _ = standardised()
    expected = linear_model.Lasso(alpha=l1 / 2, tol=1e-10).fit(x, y)
    # Around zero the subgradient changes a weight by lr * l1 in each step, so lr has to go to zero.
    cosine = {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "interval": "step"}
    model = LinearRegression(
        10, initial_weight=0.0, optimizer={"_target_": "torch.optim.SGD", "lr": 0.2}, scheduler=cosine, l1=l1
    )
    fitted(model, full_batches(torch.from_numpy(x), torch.from_numpy(y[:, None]), 2500))
    weight, bias = weight_and_bias(model)
    np.testing.assert_allclose(weight[0], expected.coef_, atol=4e-3)
    np.testing.assert_allclose(bias, expected.intercept_, atol=1e-5)
    zero = expected.coef_ == 0
    assert 1 <= zero.sum() < 10
    assert np.abs(weight[0, zero]).max() < 1e-3


def test_the_diabetes_experiment_ends_at_the_least_squares_solution_and_its_scores() -> None:
    result = run("+experiment=diabetes", "data.val_size=0", "trainer.max_epochs=2", "optimizer=lbfgs", "figures=false")
    x, y, x_test, y_test = standardised()
    expected = linear_model.LinearRegression().fit(x, y)
    scores = {
        "train/r2": r2_score(y, expected.predict(x)),
        "train/loss": np.mean((y - expected.predict(x)) ** 2),
        "test/r2": r2_score(y_test, expected.predict(x_test)),
        "test/mse": np.mean((y_test - expected.predict(x_test)) ** 2),
    }
    assert {name: result.metrics[name] for name in scores} == pytest.approx(scores, rel=1e-3)
    checkpoint = torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)
    np.testing.assert_allclose(checkpoint["state_dict"]["network.weight"][0], expected.coef_, atol=1e-2)


def test_plain_gradient_descent_equals_numpys() -> None:
    x, y, _, _ = standardised()
    weight, bias = np.zeros(10), 0.0
    for _ in range(50):
        residuals = x @ weight + bias - y
        weight = weight - 0.1 * (2 / len(x) * x.T @ residuals + 2 * 0.01 * weight)
        bias -= 0.1 * 2 * residuals.mean()
    learned, learned_bias = weight_and_bias(
        on_diabetes({"_target_": "torch.optim.SGD", "lr": 0.1}, 50, initial_weight=0.0, l2=0.01)
    )
    np.testing.assert_allclose(learned[0], weight, atol=1e-6)
    np.testing.assert_allclose(learned_bias, bias, atol=1e-6)


def test_predictions_in_target_units_equal_a_regression_on_raw_targets() -> None:
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    in_test = np.arange(len(inputs)) % 5 == 4
    expected = linear_model.LinearRegression().fit(inputs[~in_test], targets[~in_test]).predict(inputs[in_test])
    model = on_diabetes(LBFGS).float()
    data = Diabetes(val_size=0)
    data.setup("fit")
    data.setup("test")
    ((test_inputs, test_targets),) = data.test_dataloader()
    outputs = data.in_target_units(model.predictions(model(test_inputs)))
    np.testing.assert_allclose(as_numpy(outputs)[:, 0], expected, rtol=1e-4)
    np.testing.assert_allclose(as_numpy(data.in_target_units(test_targets))[:, 0], targets[in_test], rtol=1e-5)


def test_the_multivariate_experiment_finds_the_plane() -> None:
    result = run("+experiment=linear_multivariate", "figures=false", "test=false")
    state = torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    learned = [*state["network.weight"][0].tolist(), state["network.bias"].item()]
    # 96 steps of lr 0.03 leave (1 - 0.06)^96 = 0.3 % of the initial error, which is below 6.
    np.testing.assert_allclose(learned, [2, -3.4, 4.2], atol=0.03)
    assert result.metrics["epochs"] == 3


def test_initial_weight_sets_weights_and_biases() -> None:
    weight, bias = weight_and_bias(LinearRegression(3, num_targets=2, initial_weight=-1.5))
    np.testing.assert_array_equal(weight, np.full((2, 3), -1.5))
    np.testing.assert_array_equal(bias, [-1.5, -1.5])


def test_without_bias_the_solution_goes_through_the_origin() -> None:
    torch.manual_seed(1)
    x, y = torch.randn(30, 4, dtype=torch.float64) + 1, torch.randn(30, 1, dtype=torch.float64) + 2
    model = LinearRegression(4, bias=False, optimizer=LBFGS)
    fitted(model, full_batches(x, y, 10))
    assert [name for name, _ in model.network.named_parameters()] == ["weight"]
    expected, *_ = np.linalg.lstsq(x.numpy(), y.numpy())
    np.testing.assert_allclose(as_numpy(model.network.get_parameter("weight")), expected.T, atol=1e-7)


def test_two_targets_have_the_weights_of_two_regressions() -> None:
    torch.manual_seed(2)
    x, y = torch.randn(40, 3, dtype=torch.float64), torch.randn(40, 2, dtype=torch.float64) * 3 + 1
    l2 = 0.05
    model = LinearRegression(3, num_targets=2, optimizer=LBFGS, l2=l2)
    trainer = fitted(model, full_batches(x, y, 10), max_epochs=2)
    # The loss is a mean over both targets, so the penalty has twice the weight of the ridge's.
    expected = linear_model.Ridge(alpha=2 * len(x) * l2).fit(x.numpy(), y.numpy())
    weight, bias = weight_and_bias(model)
    np.testing.assert_allclose(weight, expected.coef_, atol=1e-7)
    np.testing.assert_allclose(bias, expected.intercept_, atol=1e-7)
    residuals = y.numpy() - expected.predict(x.numpy())
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    penalty = l2 * (expected.coef_**2).sum()
    values = {"loss": (residuals**2).mean(), "mse": (residuals**2).mean(), "penalty": penalty}
    values |= {"objective": (residuals**2).mean() + penalty, "r2": r2_score(y.numpy(), expected.predict(x.numpy()))}
    assert {name: metrics[f"train/{name}"] for name in values} == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("in_features", 0), ("num_targets", 0), ("initial_weight", float("nan")), ("l1", -1.0)],
)
def test_a_bad_argument_raises_with_its_name(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"in_features": 4, argument: value}
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*; got "):
        LinearRegression(**arguments)
