"""MLPRegressor against a plain torch network, and on a parabola."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn

from gradexp.models import MLPRegressor
from tests.models.fitting import as_numpy, fitted, full_batches


def by_hand() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 2)]
    return nn.Sequential(nn.Flatten(), *layers)


def test_steps_equal_those_of_a_plain_torch_network() -> None:
    expected = by_hand()
    torch.manual_seed(0)
    optimizer = {"_target_": "torch.optim.SGD", "lr": 0.1}
    model = MLPRegressor(6, num_targets=2, hidden=(8, 4), activation="tanh", optimizer=optimizer, l2=0.01)
    torch.testing.assert_close(list(model.parameters()), list(expected.parameters()), rtol=0, atol=0)
    x, y = torch.randn(20, 2, 3), torch.randn(20, 2)
    trainer = fitted(model, full_batches(x, y, 5), precision="32-true")
    losses = []
    for _ in range(5):
        loss = ((expected(x) - y) ** 2).mean()
        losses.append(loss.item())
        penalty = torch.stack([(p**2).sum() for p in expected.parameters() if p.ndim == 2]).sum()
        expected.zero_grad()
        (loss + 0.01 * penalty).backward()
        with torch.no_grad():
            for parameter in expected.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.1 * parameter.grad)
    torch.testing.assert_close(list(model.parameters()), list(expected.parameters()))
    assert trainer.callback_metrics["train/loss"].item() == pytest.approx(np.mean(losses), rel=1e-5)
    outputs = model(x)
    assert torch.equal(model.predictions(outputs), outputs)
    torch.testing.assert_close(outputs, expected(x))


def test_a_parabola_is_learned() -> None:
    x = torch.linspace(-2, 2, 100, dtype=torch.float64).unsqueeze(1)
    y = x**2
    torch.manual_seed(1)
    model = MLPRegressor(1, hidden=(20,), activation="tanh", optimizer={"_target_": "torch.optim.Adam", "lr": 0.02})
    trainer = fitted(model, full_batches(x, y, 150), max_epochs=4)
    score = r2_score(y.numpy(), as_numpy(model.double()(x)))
    assert score > 0.99
    # The mean over the last epoch's steps, in which the weights still changed a little; a line would have 0.
    assert trainer.callback_metrics["train/r2"].item() == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("argument", "value"), [("num_targets", 0), ("hidden", (0,)), ("activation", "rleu"), ("dropout", 1.0)]
)
def test_a_bad_argument_raises_with_its_name(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"in_features": 4, argument: value}
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*; got "):
        MLPRegressor(**arguments)
