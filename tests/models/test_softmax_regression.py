"""SoftmaxRegression against scikit-learn and NumPy."""

import numpy as np
import pytest
import torch
from sklearn import linear_model

from gradexp.data import Digits
from gradexp.models import LogisticRegression, SoftmaxRegression
from tests.models.fitting import LBFGS, as_numpy, fitted, full_batches


def test_weights_converge_to_scikit_learns_on_digits() -> None:
    data = Digits(val_size=0)
    data.setup("fit")
    inputs, targets = data.sample(400)
    torch.manual_seed(0)
    l2 = 0.01
    model = SoftmaxRegression(64, 10, optimizer=LBFGS, l2=l2)
    trainer = fitted(model, full_batches(inputs.double(), targets, 6))
    x, y = as_numpy(inputs).reshape(400, 64), targets.numpy()
    expected = linear_model.LogisticRegression(C=1 / (2 * 400 * l2), tol=1e-10, max_iter=10_000).fit(x, y)
    layer = model.network.get_submodule("output")
    np.testing.assert_allclose(as_numpy(layer.weight), expected.coef_, atol=1e-5)
    # Adding a constant to all biases changes nothing, so only their differences are compared.
    bias = as_numpy(layer.bias)
    np.testing.assert_allclose(bias - bias.mean(), expected.intercept_ - expected.intercept_.mean(), atol=1e-4)
    predicted = as_numpy(model.double().predictions(model(inputs.double())))
    np.testing.assert_allclose(predicted, expected.predict_proba(x), atol=1e-5)
    assert trainer.callback_metrics["train/accuracy"].item() > 0.95


def test_the_gradient_is_probability_minus_one_hot_target_times_input() -> None:
    torch.manual_seed(1)
    model = SoftmaxRegression(6, 4, l1=0.01, l2=0.02).double()
    images, targets = torch.randn(15, 1, 2, 3, dtype=torch.float64), torch.randint(4, (15,))
    model.training_step((images, targets), 0).backward()
    layer = model.network.get_submodule("output")
    x, w = images.numpy().reshape(15, 6), as_numpy(layer.weight)
    exponentials = np.exp(x @ w.T + as_numpy(layer.bias))
    errors = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(4)[targets.numpy()]
    expected = errors.T @ x / 15 + 0.01 * np.sign(w) + 2 * 0.02 * w
    np.testing.assert_allclose(as_numpy(layer.weight.grad), expected, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(as_numpy(layer.bias.grad), errors.mean(axis=0), rtol=1e-11, atol=1e-15)


def test_two_classes_have_the_loss_of_logistic_regression() -> None:
    torch.manual_seed(2)
    softmax, logistic = SoftmaxRegression(5, 2), LogisticRegression(5)
    weight, bias = (softmax.network.get_parameter(f"output.{name}") for name in ("weight", "bias"))
    with torch.no_grad():  # the logit is the difference of the two
        logistic.network.get_parameter("weight").copy_(weight[1] - weight[0])
        logistic.network.get_parameter("bias").copy_(bias[1] - bias[0])
    inputs, targets = torch.randn(30, 5), torch.randint(2, (30,))
    first, second = softmax(inputs), logistic(inputs)
    assert softmax.loss(first, targets).item() == pytest.approx(logistic.loss(second, targets).item(), rel=1e-6)
    torch.testing.assert_close(softmax.predictions(first), logistic.predictions(second))
