"""Every optimizer in conf/ against torch.optim itself and against formulas."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from gradexp.objective.optimizers import build_optimizer
from tests.options import option, options

Array = npt.NDArray[np.float64]

CURVATURE, START = np.array([1.0, 0.3, 0.05]), np.array([2.0, -3.0, 1.0])


def gradient(w: Array) -> Array:
    return CURVATURE * w


def descend(make: Callable[[nn.Parameter], Any], steps: int) -> Array:
    """The weights after some steps that minimise sum(curvature * w^2) / 2."""
    w, curvature = nn.Parameter(torch.tensor(START)), torch.tensor(CURVATURE)
    optimizer = make(w)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = (curvature * w**2).sum() / 2
        value.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
        return value

    for _ in range(steps):
        optimizer.step(closure)
    return w.detach().numpy().copy()


def sgd(w: Array, s: dict[str, Any]) -> Array:
    velocity, mu = np.zeros(3), s.get("momentum", 0.0)
    for _ in range(3):
        g = gradient(w) + s["weight_decay"] * w
        velocity = mu * velocity + g
        w = w - s["lr"] * (g + mu * velocity if s.get("nesterov") else velocity)
    return w


def adam(w: Array, s: dict[str, Any]) -> Array:
    m, v, (beta1, beta2) = np.zeros(3), np.zeros(3), s["betas"]
    decoupled = s["_target_"].endswith(".AdamW")
    for t in range(1, 4):
        g = gradient(w) + (0 if decoupled else s["weight_decay"] * w)
        w = w * (1 - s["lr"] * s["weight_decay"]) if decoupled else w
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        w = w - s["lr"] * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + s["eps"])
    return w


def rmsprop(w: Array, s: dict[str, Any]) -> Array:
    v = np.zeros(3)
    for _ in range(3):
        g = gradient(w) + s["weight_decay"] * w
        v = s["alpha"] * v + (1 - s["alpha"]) * g**2
        w = w - s["lr"] * g / (np.sqrt(v) + s["eps"])
    return w


def adagrad(w: Array, s: dict[str, Any]) -> Array:
    total = np.zeros(3)
    for _ in range(3):
        g = gradient(w) + s["weight_decay"] * w
        total = total + g**2
        w = w - s["lr"] * g / (np.sqrt(total) + s["eps"])
    return w


FORMULAS = dict.fromkeys(("sgd", "momentum", "nesterov"), sgd) | dict.fromkeys(("adam", "adamw"), adam)
FORMULAS |= {"rmsprop": rmsprop, "adagrad": adagrad}


@pytest.mark.parametrize("name", options("optimizer"))
def test_every_configured_optimizer_steps_as_torchs_class_and_downhill(name: str) -> None:
    settings = option("optimizer", name)
    assert settings["lr"] > 0
    arguments = {key: value for key, value in settings.items() if key != "_target_"}
    own = getattr(torch.optim, settings["_target_"].removeprefix("torch.optim."))
    after = descend(lambda w: build_optimizer([w], settings), steps=1)
    np.testing.assert_array_equal(after, descend(lambda w: own([w], **arguments), 1))
    assert (CURVATURE * after**2).sum() < (CURVATURE * START**2).sum()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", FORMULAS)
def test_three_steps_equal_the_formula(name: str, weight_decay: float) -> None:
    settings = option("optimizer", name) | {"weight_decay": weight_decay}
    after = descend(lambda w: build_optimizer([w], settings), steps=3)
    np.testing.assert_allclose(after, FORMULAS[name](START, settings), rtol=1e-12)
    assert (after != START).all()


def test_every_configured_optimizer_but_lbfgs_has_a_formula_here() -> None:
    assert set(options("optimizer")) - set(FORMULAS) == {"lbfgs"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"_target_": "torch.optim.Adamm"},
            r"optimizer\._target_ must name an optimizer; got torch\.optim\.Adamm\. Did you mean Adam.*AdamW.*SGD",
        ),
        ({"_target_": "torch.optim.Optimizer"}, r"optimizer\._target_ must name an optimizer; got"),
        (
            {"_target_": "torch.nn.Linear"},
            r"optimizer\._target_ must name a class in a trusted package \(.*torch\.optim\)",
        ),
        ({"_target_": "SGD"}, r"optimizer\._target_ must be the dotted path of an optimizer"),
        (
            {"lr": 0.1},
            r"optimizer\._target_ must be the dotted path of an optimizer, such as torch\.optim\.SGD; got \{'lr'",
        ),
        ({"name": "SGD", "lr": 0.1}, r"optimizer\._target_ must be the dotted path of an optimizer"),
        (
            {"_target_": "torch.optim.SGD", "momentun": 0.9},
            r"optimizer\.momentun is not an argument of SGD, which takes lr, .*Did you mean momentum\?",
        ),
        ({"_target_": "torch.optim.SGD", "params": []}, r"optimizer\.params is set by"),
        (
            {"_target_": "torch.optim.SGD", "momentum": -0.1},
            r"optimizer\.momentum must be a number from 0 to below 1; got -0\.1",
        ),
        ({"_target_": "torch.optim.Adam", "betas": [2.0, 0.9]}, "beta"),
        ({"_target_": "torch.optim.Adam", "betas": [0.9]}, "betas"),
        ({"_target_": "torch.optim.Adam", "eps": "x"}, "eps"),
    ],
)
def test_invalid_optimizer_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_optimizer([nn.Parameter(torch.ones(2))], settings)


@pytest.mark.parametrize("lr", [0, -0.1, math.nan, math.inf, "x", None, True])
def test_a_learning_rate_is_a_finite_number_above_zero(lr: Any) -> None:
    with pytest.raises(ValueError, match=r"optimizer\.lr must be a finite number above 0; got "):
        build_optimizer([nn.Parameter(torch.ones(2))], {"_target_": "torch.optim.SGD", "lr": lr})


def test_lists_of_numbers_stay_numbers() -> None:
    for name in ("Adam", "AdamW", "NAdam", "RAdam", "Adamax"):
        settings = {"_target_": f"torch.optim.{name}", "betas": [0.8, 0.95]}
        group = build_optimizer([nn.Parameter(torch.ones(2))], settings).param_groups[0]
        assert list(group["betas"]) == [0.8, 0.95]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"_target_": "torch.optim.SparseAdam"}, "that steps by gradients alone; SparseAdam fails"),
        ({"_target_": "pytorch_optimizer.AliG"}, "that steps by gradients alone; AliG fails"),
        ({"_target_": "pytorch_optimizer.AdamP", "lrr": 3}, r"optimizer\.lrr is not read by AdamP\. Did you mean lr\?"),
        ({"_target_": "pytorch_optimizer.SAM"}, r"optimizer\.base_optimizer must be given"),
        ({"_target_": "lion_pytorch.Lion", "betas": [2, 3]}, "optimizer must have arguments that Lion takes"),
    ],
)
def test_an_optimizer_that_needs_more_than_gradients_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_optimizer([nn.Parameter(torch.ones(2))], settings, ("pytorch_optimizer", "lion_pytorch"))


def test_a_step_of_lion_equals_its_formula() -> None:
    settings = {"_target_": "lion_pytorch.Lion", "lr": 0.1, "weight_decay": 0.5}
    after = descend(lambda w: build_optimizer([w], settings, ("lion_pytorch",)), steps=1)
    np.testing.assert_allclose(after, START * (1 - 0.1 * 0.5) - 0.1 * np.sign(gradient(START)), rtol=1e-12)
