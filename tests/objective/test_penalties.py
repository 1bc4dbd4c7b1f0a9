"""The penalties against NumPy, their gradients against formulas, and l2 against torch's weight decay."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from gradexp import MLPClassifier
from gradexp.app.composition import compose
from gradexp.configuration.files import CONF_DIR
from gradexp.gradients.penalties import group_lasso_gradient, l1_gradient, l2_gradient
from gradexp.objective import penalties
from gradexp.objective.penalty_terms import build_penalties
from gradexp.objective.weights import names_without_decay, weights


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 4))
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return network


ORACLES: dict[str, Callable[[Any], Any]] = {
    "l1": lambda w: np.abs(w).sum(),
    "l2": lambda w: np.square(w).sum(),
    "group_lasso": lambda w: np.sqrt(len(w)) * np.sqrt(np.square(w.reshape(len(w), -1)).sum(axis=0)).sum(),
}
GRADIENTS = {"l1": l1_gradient, "l2": l2_gradient, "group_lasso": group_lasso_gradient}


def names() -> list[str]:
    return [name for name, value in vars(penalties).items() if getattr(value, "__module__", "") == penalties.__name__]


def test_every_penalty_has_an_oracle_and_a_configuration() -> None:
    configured = {key for path in (CONF_DIR / "regularizer").glob("*.yaml") for key in OmegaConf.load(path)}
    assert set(names()) == set(ORACLES) == configured - {"proximal", "defaults"}


@pytest.mark.parametrize("name", ORACLES)
def test_a_penalty_equals_its_formula(name: str) -> None:
    torch.manual_seed(0)
    for shape in ((3, 4), (2, 3, 2, 2)):
        weight = torch.randn(shape, dtype=torch.float64)
        assert getattr(penalties, name)(weight).item() == pytest.approx(float(ORACLES[name](weight.numpy())), rel=1e-12)
    assert getattr(penalties, name)(torch.zeros(3, 2)).item() == 0


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_penaltys_gradient_equals_its_formula(name: str) -> None:
    weight = nn.Parameter(torch.tensor([[1.5, -2.0, 0.0], [-0.25, 3.0, 0.0]], dtype=torch.float64))
    getattr(penalties, name)(weight).backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, GRADIENTS[name](weight.detach()), rtol=1e-12, atol=0)


def test_biases_and_normalisation_scales_are_not_weights() -> None:
    parameters = dict(small_network().named_parameters())
    assert [id(weight) for weight in weights(parameters.items())] == [
        id(parameters[n]) for n in ("0.weight", "3.weight")
    ]
    stacked = {name: parameter.unsqueeze(0) for name, parameter in parameters.items()}
    assert len(weights(stacked.items(), stacked=True)) == 2


@pytest.mark.parametrize(
    ("no_decay", "expected"),
    [
        ((), set()),
        (("bias",), {"0.bias", "3.bias"}),
        (("norm",), {"2.weight", "2.bias"}),
        (("bias", "norm"), {"0.bias", "2.weight", "2.bias", "3.bias"}),
    ],
)
def test_no_decay_names_the_parameters_without_weight_decay(no_decay: tuple[str, ...], expected: set[str]) -> None:
    assert names_without_decay(small_network(), no_decay) == expected


def test_only_the_other_parameters_decay() -> None:
    optimizer = {"_target_": "torch.optim.SGD", "lr": 0.1, "weight_decay": 0.5, "no_decay": ["bias"]}
    model = MLPClassifier(4, 3, hidden=(5,), optimizer=optimizer)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    stepper = model.objective.build_optimizer(model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    stepper.step()
    for name, parameter in model.named_parameters():
        factor = 1 - 0.1 * 0.5 if name.endswith("weight") else 1
        torch.testing.assert_close(parameter.detach(), factor * before[name])
    for settings, message in (
        (
            {"_target_": "torch.optim.Rprop", "no_decay": ["bias"]},
            "optimizer.no_decay must go with a weight_decay above 0; got none of Rprop",
        ),
        (
            {"_target_": "torch.optim.SGD", "no_decay": ["bias"]},
            "optimizer.no_decay must go with a weight_decay above 0; got 0 of SGD",
        ),
        ({"_target_": "torch.optim.SGD", "weight_decay": 0.1, "no_decay": []}, None),
    ):
        own = MLPClassifier(4, 3, optimizer=settings)
        if message is None:
            assert len(own.objective.build_optimizer(own).param_groups) == 1
        else:
            with pytest.raises(ValueError, match=message):
                own.objective.build_optimizer(own)


def cubes(weight: Tensor, scale: float = 1.0) -> Tensor:
    return scale * weight.abs().pow(3).sum()


def test_a_function_of_a_trusted_package_is_a_penalty() -> None:
    section = {"_target_": f"{__name__}.cubes", "factor": 0.5, "scale": 2.0}
    model = MLPClassifier(3, 2, hidden=(), penalties={"mine": section}, trusted_packages=["tests"])
    weight = model.network.get_parameter("output.weight")
    assert model.penalty().item() == pytest.approx(float(weight.detach().abs().pow(3).sum()), rel=1e-6)
    with pytest.raises(ValueError, match=r"regularizer\.mine\._target_ must name .* trusted"):
        build_penalties({"mine": section}, ())
    with pytest.raises(ValueError, match=r"regularizer\.l3 is no penalty; there are l1, l2, group_lasso\."):
        build_penalties({"l3": 0.1}, ())
    with pytest.raises(ValueError, match=r"regularizer\.l1 must be a finite number of at least 0; got -1"):
        build_penalties({"l1": -1}, ())


def test_l2_under_sgd_equals_twice_as_much_weight_decay() -> None:
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


def test_a_models_penalty_is_the_weighted_sum_of_l1_and_l2() -> None:
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
    options = [path.stem for path in (CONF_DIR / "regularizer").glob("*.yaml")]
    loaded = {option: compose(f"regularizer={option}").regularizer for option in options}
    for name, factors in loaded.items():
        assert {"l1", "l2", "proximal"} <= set(factors), name
        assert factors.proximal is False
        assert (factors.l1 > 0, factors.l2 > 0) == (name in ("l1", "elastic_net"), name in ("l2", "elastic_net")), name
        assert min(factors.l1, factors.l2) >= 0
    assert len(loaded) >= 4
