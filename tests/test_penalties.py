"""The penalties against NumPy, their gradients against formulas, and l2 against torch's weight decay."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from gradexp import MLPClassifier, penalties
from gradexp.config import CONF_DIR


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 4))
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return network


@pytest.mark.parametrize(("penalty", "term"), [(penalties.l1, np.abs), (penalties.l2, np.square)])
def test_a_penalty_is_a_sum_over_weights_and_not_over_biases(
    penalty: Callable[[penalties.NamedParameters], Tensor], term: np.ufunc
) -> None:
    network = small_network()
    # The convolution's and the last layer's weights; neither biases nor the scales of the normalisation.
    weights = [dict(network.named_parameters())[name] for name in ("0.weight", "3.weight")]
    expected = sum(term(weight.detach().double().numpy()).sum() for weight in weights)
    assert penalty(network.named_parameters()).item() == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("penalty", "gradient"), [(penalties.l1, np.sign), (penalties.l2, lambda w: 2 * w)])
def test_a_penaltys_gradient_is_that_of_its_formula(
    penalty: Callable[[penalties.NamedParameters], Tensor], gradient: Callable[..., np.ndarray]
) -> None:
    weight = nn.Parameter(torch.tensor([[1.5, -2.0, 0.0], [-0.25, 3.0, 1e-8]]))
    bias = nn.Parameter(torch.tensor([1.0, -1.0]))
    penalty([("weight", weight), ("bias", bias)]).backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
    assert weight.grad is not None
    np.testing.assert_array_equal(weight.grad.numpy(), gradient(weight.detach().numpy()))
    assert bias.grad is None


@pytest.mark.parametrize("penalty", [penalties.l1, penalties.l2])
def test_without_weights_a_penalty_is_zero(penalty: Callable[[penalties.NamedParameters], Tensor]) -> None:
    assert penalty([("bias", torch.ones(3))]).item() == 0
    assert penalty([]).item() == 0


def test_l2_under_sgd_is_twice_its_weight_decay_on_the_weights_step_by_step() -> None:
    torch.manual_seed(1)
    mine = MLPClassifier(5, 3, hidden=(6,), l2=0.05)
    theirs = MLPClassifier(5, 3, hidden=(6,))
    theirs.load_state_dict(mine.state_dict())
    weights = [parameter for parameter in theirs.parameters() if parameter.ndim == 2]
    biases = [parameter for parameter in theirs.parameters() if parameter.ndim == 1]
    groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": 2 * 0.05}, {"params": biases}]
    decayed = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    plain = torch.optim.SGD(mine.parameters(), lr=0.1, momentum=0.9)
    for _ in range(10):
        batch = torch.randn(16, 5), torch.randint(3, (16,))
        for model, optimizer in ((mine, plain), (theirs, decayed)):
            optimizer.zero_grad()
            model.training_step(batch, 0).backward()  # torch's own lacks types
            optimizer.step()
        torch.testing.assert_close(list(mine.parameters()), list(theirs.parameters()), rtol=1e-5, atol=1e-6)


def test_a_models_penalty_weighs_both_sums_by_their_factors() -> None:
    torch.manual_seed(2)
    model = MLPClassifier(5, 3, hidden=(6,), l1=0.1, l2=0.01)
    weights = np.concatenate([p.detach().double().numpy().ravel() for p in model.parameters() if p.ndim == 2])
    assert len(weights) == 5 * 6 + 6 * 3
    expected = 0.1 * np.abs(weights).sum() + 0.01 * (weights**2).sum()
    assert model.penalty().item() == pytest.approx(expected, rel=1e-6)
    batch = torch.randn(4, 5), torch.tensor([0, 1, 2, 0])
    loss = model.loss(model(batch[0]), batch[1]).item()
    assert model.training_step(batch, 0).item() == pytest.approx(loss + expected, rel=1e-6)


def test_zero_factors_add_nothing_to_the_loss() -> None:
    model, batch = MLPClassifier(5, 3), (torch.randn(4, 5), torch.tensor([0, 1, 2, 0]))
    assert torch.equal(model.training_step(batch, 0), model.loss(model(batch[0]), batch[1]))
    assert model.penalty().item() == 0


def test_every_configured_regularizer_sets_both_factors_and_no_proximal_step() -> None:
    loaded = {path.stem: OmegaConf.load(path) for path in (CONF_DIR / "regularizer").glob("*.yaml")}
    for name, factors in loaded.items():
        assert set(factors) == {"l1", "l2", "proximal"}, name
        assert factors.proximal is False
        assert (factors.l1 > 0, factors.l2 > 0) == (name in ("l1", "elastic_net"), name in ("l2", "elastic_net")), name
        assert min(factors.l1, factors.l2) >= 0
    assert len(loaded) >= 4
