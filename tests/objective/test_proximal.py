"""The proximal step against scikit-learn's lasso: same zeros and weights, for any momentum."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import linear_model
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp import Diabetes, LinearRegression, MLPClassifier, compose, run
from gradexp.objective.penalty_terms import shrink_after_steps
from tests.models.fitting import as_numpy, fitted

pytestmark = pytest.mark.slow

PLAIN: dict[str, Any] = {"_target_": "torch.optim.SGD", "lr": 0.1}
MOMENTUM = {"lr": 0.02, "momentum": 0.9}


def patients() -> tuple[Tensor, Tensor]:
    data = Diabetes(val_size=0)
    data.setup("fit")
    x, y = data.sample(10_000)
    return x.double(), y.double()


def lasso(l1: float) -> linear_model.Lasso:
    x, y = patients()
    return linear_model.Lasso(alpha=l1 / 2, tol=1e-12, max_iter=100_000).fit(x.numpy(), y.numpy())


@pytest.mark.parametrize("l1", [0.01, 0.1, 0.4])
def test_a_proximal_fit_has_the_zeros_and_weights_of_scikit_learns_lasso(l1: float) -> None:
    expected = lasso(l1).coef_
    assert 0 < (expected == 0).sum() < len(expected)
    model = LinearRegression(10, optimizer=PLAIN, l1=l1, proximal=True)
    fitted(model, Diabetes(val_size=0, repeat=1500, steps_per_execution=50))
    weight = as_numpy(model.network.get_parameter("weight"))[0]
    np.testing.assert_array_equal(weight == 0, expected == 0)
    np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_the_subgradient_gives_the_weights_but_fewer_zeros() -> None:
    expected = lasso(0.1).coef_
    model = LinearRegression(10, optimizer=PLAIN | {"lr": 0.01}, l1=0.1)
    fitted(model, Diabetes(val_size=0, repeat=1500, steps_per_execution=50))
    weight = as_numpy(model.network.get_parameter("weight"))[0]
    assert (weight == 0).sum() < (expected == 0).sum()
    np.testing.assert_allclose(weight, expected, atol=1e-2)


@pytest.mark.parametrize(
    "arguments",
    [MOMENTUM, MOMENTUM | {"nesterov": True}, {"lr": 0.2, "momentum": 0.9, "dampening": 0.9}],
    ids=["momentum", "nesterov", "dampened"],
)
def test_momentum_converges_to_the_same_weights(arguments: dict[str, Any]) -> None:
    x, y = patients()
    expected = lasso(0.1)
    layer = nn.Linear(10, 1).double()
    optimizer = torch.optim.SGD(layer.parameters(), **arguments)
    shrink_after_steps(optimizer, [layer.weight], 0.1)
    for _ in range(1000):
        optimizer.zero_grad()
        F.mse_loss(layer(x), y).backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
        optimizer.step()
    np.testing.assert_array_equal(as_numpy(layer.weight)[0] == 0, expected.coef_ == 0)
    np.testing.assert_allclose(as_numpy(layer.weight)[0], expected.coef_, atol=1e-5)
    np.testing.assert_allclose(as_numpy(layer.bias), expected.intercept_, atol=1e-5)


def test_an_mlps_weights_become_zero_but_not_its_biases(tmp_path: Path) -> None:
    settings = ("optimizer=sgd", "optimizer.lr=0.1", "regularizer.l1=3e-3", "trainer.max_epochs=3", "figures=false")
    shares, penalties = {}, {}
    for proximal in (True, False):
        result = run(*settings, f"regularizer.proximal={proximal}", f"hydra.run.dir={tmp_path / str(proximal)}")
        state = torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        weights = torch.cat([value.flatten() for name, value in state.items() if value.ndim == 2])
        assert all((value != 0).all() for value in state.values() if value.ndim == 1)
        shares[proximal] = float((weights == 0).float().mean())
        penalties[proximal] = result.metrics["train/penalty"]
    assert shares[True] > 0.25 > 0.01 > shares[False]
    assert penalties[True] == pytest.approx(penalties[False], rel=0.1)  # the objective is the same


def test_any_other_optimizer_is_refused_on_the_command_line_and_in_python() -> None:
    message = "regularizer.proximal must go with SGD .*; got optimizer Adam"
    with pytest.raises(ValueError, match=message):
        compose("regularizer.proximal=true")
    with pytest.raises(ValueError, match=message):
        MLPClassifier(4, 2, l1=0.1, proximal=True)
    with pytest.raises(ValueError, match=r"regularizer.proximal must be true or false; got 2"):
        compose("regularizer.proximal=2")
