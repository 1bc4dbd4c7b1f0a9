"""LogisticRegression against scikit-learn and NumPy."""

import numpy as np
import pytest
import torch
from sklearn import linear_model
from sklearn.datasets import load_breast_cancer

from gradexp import run
from gradexp.data import BreastCancer
from gradexp.models import LogisticRegression
from tests.models.fitting import LBFGS, Array, as_numpy, fitted


def sigmoid(z: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -z)))


def standardised() -> tuple[Array, Array, Array, Array]:
    """Training and test samples: every fifth is a test sample; all are scaled by the training samples."""
    inputs, targets = load_breast_cancer(return_X_y=True)
    in_test = np.arange(len(inputs)) % 5 == 4
    scaled = (inputs - inputs[~in_test].mean(0)) / inputs[~in_test].std(0)
    return scaled[~in_test], targets[~in_test], scaled[in_test], targets[in_test]


def scikit_learns(x: Array, y: Array, l2: float) -> linear_model.LogisticRegression:
    return linear_model.LogisticRegression(C=1 / (2 * len(x) * l2), tol=1e-10, max_iter=10_000).fit(x, y)


@pytest.mark.parametrize("l2", [1e-3, 0.1])
def test_weights_converge_to_scikit_learns(l2: float) -> None:
    torch.manual_seed(0)
    model = LogisticRegression(30, optimizer=LBFGS, l2=l2)
    fitted(model, BreastCancer(val_size=0, repeat=10, steps_per_execution=10))
    x, y, _, _ = standardised()
    expected = scikit_learns(x, y, l2)
    np.testing.assert_allclose(as_numpy(model.network.get_parameter("weight")), expected.coef_, atol=1e-5)
    np.testing.assert_allclose(as_numpy(model.network.get_parameter("bias")), expected.intercept_, atol=1e-5)


def test_the_experiment_by_lbfgs_has_scikit_learns_accuracy_and_loss() -> None:
    result = run(
        "+experiment=logistic_regression",
        "optimizer=lbfgs",
        "regularizer.l2=0.01",
        "data.val_size=0",
        "data.repeat=10",
        "trainer.max_epochs=3",
        "figures=false",
    )
    x, y, x_test, y_test = standardised()
    expected = scikit_learns(x, y, 0.01)
    loss = np.logaddexp(0, (1 - 2 * y) * expected.decision_function(x)).mean()
    values = {"train/accuracy": expected.score(x, y), "test/accuracy": expected.score(x_test, y_test)}
    values |= {"train/loss": loss, "train/penalty": 0.01 * (expected.coef_**2).sum()}
    assert {name: result.metrics[name] for name in values} == pytest.approx(values, rel=1e-3)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4, 1e30])
def test_the_loss_equals_numpys_for_logits_of_any_size(scale: float) -> None:
    torch.manual_seed(1)
    logits, targets = scale * torch.randn(50, 1), torch.randint(2, (50,))
    z, t = as_numpy(logits)[:, 0], targets.numpy()
    # -log p(t), where p(1) = 1 / (1 + exp(-z))
    expected = np.logaddexp(0, np.where(t == 1, -z, z)).mean()
    assert LogisticRegression(3).loss(logits, targets).item() == pytest.approx(expected, rel=1e-6)


def test_the_gradient_is_probability_minus_target_times_input() -> None:
    torch.manual_seed(2)
    model = LogisticRegression(4, l1=0.01, l2=0.02).double()
    x, t = 2 * torch.randn(20, 4, dtype=torch.float64), torch.randint(2, (20,))
    model.training_step((x, t), 0).backward()
    weight, bias = (model.network.get_parameter(name) for name in ("weight", "bias"))
    w = as_numpy(weight)[0]
    errors = sigmoid(x.numpy() @ w + as_numpy(bias)) - t.numpy()
    expected = errors @ x.numpy() / 20 + 0.01 * np.sign(w) + 2 * 0.02 * w
    np.testing.assert_allclose(as_numpy(weight.grad)[0], expected, rtol=1e-12)
    np.testing.assert_allclose(as_numpy(bias.grad), [errors.mean()], rtol=1e-12)


def test_the_gradient_of_huge_logits_is_finite() -> None:
    model = LogisticRegression(1)
    torch.nn.init.constant_(model.network.get_parameter("weight"), 1e4)
    torch.nn.init.zeros_(model.network.get_parameter("bias"))
    model.training_step((torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]), torch.tensor([1, 0, 0, 1])), 0).backward()
    # (p - t) x by hand: 0, 0, 1 * 1, -1 * -1; their mean
    assert as_numpy(model.network.get_parameter("weight").grad) == pytest.approx(0.5)


def test_predictions_are_the_probabilities_of_both_classes() -> None:
    logits = torch.tensor([[0.0], [2.0], [-3.0], [80.0], [-80.0]])
    predictions = as_numpy(LogisticRegression(2).predictions(logits))
    expected = sigmoid(as_numpy(logits)[:, 0])
    np.testing.assert_allclose(predictions[:, 1], expected, rtol=1e-5)
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-6)
    # Computed from the logit: 1 - p would be 0.
    assert predictions[3, 0] == pytest.approx(np.exp(-80), rel=1e-4, abs=0)


def test_accuracy_is_the_share_of_logits_on_the_right_side_of_zero() -> None:
    torch.manual_seed(3)
    model = LogisticRegression(2)
    # All logits are between 0 and 1, so that they could be mistaken for probabilities.
    torch.nn.init.constant_(model.network.get_parameter("weight"), 0.1)
    torch.nn.init.constant_(model.network.get_parameter("bias"), 0.3)
    inputs, targets = torch.rand(40, 2), torch.cat([torch.ones(30), torch.zeros(10)]).long()
    model.val_metrics.update(model(inputs).detach(), targets, torch.tensor(0.0))
    assert model.val_metrics.compute()["val/accuracy"].item() == 0.75


@pytest.mark.parametrize("num_classes", [1, 3, 10])
def test_other_than_two_classes_raise(num_classes: int) -> None:
    message = rf"got {num_classes}\." + (" Use model=softmax_regression" if num_classes > 2 else "")
    with pytest.raises(ValueError, match=message):
        LogisticRegression(4, num_classes=num_classes)


def test_a_run_with_more_classes_raises() -> None:
    with pytest.raises(ValueError, match=r"LogisticRegression needs data of 2 classes; got 10\..*softmax_regression"):
        run("model=logistic_regression", "data=digits")
