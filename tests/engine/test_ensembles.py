"""Copies trained at once end with the weights that a plain loop gives each copy alone."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.engine.ensembles import Ensemble, train_copies
from gradexp.objective.objective import Objective
from gradexp.objective.optimizers import ELEMENTWISE
from gradexp.objective.weights import weights
from gradexp.randomness import generator

COPIES, SAMPLES, EPOCHS = 3, 10, 4
SETTINGS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9}, "Adam": {"lr": 0.01}, "AdamW": {"lr": 0.01, "weight_decay": 0.1},
    "RMSprop": {"lr": 0.01}, "Adagrad": {"lr": 0.1},
}  # fmt: skip


def networks() -> list[nn.Module]:
    made: list[nn.Module] = []
    for number in range(COPIES):
        torch.manual_seed(number)
        made.append(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double())
    return made


def sets() -> tuple[Tensor, Tensor]:
    torch.manual_seed(7)
    return torch.randn(COPIES, SAMPLES, 4, dtype=torch.float64), torch.randint(0, 3, (COPIES, SAMPLES))


def objective(name: str, settings: dict[str, Any], **options: Any) -> Objective:
    return Objective("logits", 3, "test", optimizer={"_target_": f"torch.optim.{name}", **settings}, **options)


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("name", SETTINGS)
def test_each_copy_ends_with_the_weights_of_training_alone(name: str, batch_size: int | None) -> None:
    inputs, targets = sets()
    ensemble = Ensemble(networks())
    own = objective(name, SETTINGS[name], l1=0.01, l2=0.02)
    train_copies(
        ensemble, F.cross_entropy, inputs, targets, epochs=EPOCHS, batch_size=batch_size, objective=own, seed=5
    )
    for number, alone in enumerate(networks()):
        stepper = getattr(torch.optim, name)(alone.parameters(), **SETTINGS[name])
        for epoch in range(EPOCHS):
            order = torch.randperm(SAMPLES, generator=generator("ensemble/order", 5, number, epoch))
            for batch in torch.split(order, batch_size) if batch_size else [torch.arange(SAMPLES)]:
                stepper.zero_grad()
                loss = F.cross_entropy(alone(inputs[number, batch]), targets[number, batch])
                weights = [parameter for parameter in alone.parameters() if parameter.ndim == 2]
                for weight in weights:
                    loss = loss + 0.01 * weight.abs().sum() + 0.02 * weight.square().sum()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
                stepper.step()
        for key, expected in alone.named_parameters():
            torch.testing.assert_close(ensemble.parameters[key][number], expected, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(ensemble.on_all(inputs[0])[number], alone(inputs[0]).detach())


def test_proximal_copies_have_exact_zeros_and_different_dropout() -> None:
    inputs, targets = sets()
    ensemble = Ensemble(networks())
    train_copies(
        ensemble, F.cross_entropy, inputs, targets, epochs=50, batch_size=None,
        objective=objective("SGD", {"lr": 0.1}, l1=0.05, proximal=True), seed=0,
    )  # fmt: skip
    assert all(
        (weight == 0).any() and (weight != 0).any() for weight in weights(ensemble.parameters.items(), stacked=True)
    )
    dropout = Ensemble([nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)) for _ in range(2)])
    ones = torch.ones(2, 100, 4)
    zeros = dropout(ones, training=True) == 0
    assert 0.3 < zeros.float().mean() < 0.7
    assert not torch.equal(zeros[0], zeros[1])
    assert not (dropout(ones) == 0).any()


def test_optimizers_and_buffers_that_mix_copies_are_refused() -> None:
    inputs, targets = sets()
    arguments: dict[str, Any] = {"epochs": 1, "batch_size": None, "seed": 0}
    for name in ("LBFGS", "Adafactor"):
        assert name not in ELEMENTWISE
        with pytest.raises(ValueError, match=rf"optimizer._target_ must be one of .*; got {name}"):
            train_copies(
                Ensemble(networks()), F.cross_entropy, inputs, targets, objective=objective(name, {}), **arguments
            )
    with pytest.raises(ValueError, match="must be without buffers"):
        Ensemble([nn.BatchNorm1d(3), nn.BatchNorm1d(3)])
    with pytest.raises(ArithmeticError, match=r"no longer finite after epoch 1; a smaller optimizer\.lr"):
        train_copies(
            Ensemble(networks()), F.cross_entropy, inputs * float("inf"), targets, epochs=5, batch_size=None,
            objective=objective("SGD", {"lr": 0.1}), seed=0,
        )  # fmt: skip
