"""Several steps at once end as single steps, for every kind of optimizer and schedule."""

from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer

from gradexp.data import Blobs
from gradexp.models import SoftmaxRegression
from tests.models.fitting import Array, fitted, parameters

SCHEDULES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "cosine by step": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "interval": "step"},
    "one cycle": {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "interval": "step"},
    "steps by epoch": {
        "_target_": "torch.optim.lr_scheduler.StepLR",
        "interval": "epoch",
        "step_size": 1,
        "gamma": 0.5,
    },
    "plateau": {
        "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "interval": "epoch",
        "patience": 0,
        "factor": 0.5,
        "threshold": 0.1,
    },
}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9},
    "Adam": {"_target_": "torch.optim.Adam", "lr": 0.01, "fused": True},
    "LBFGS": {"_target_": "torch.optim.LBFGS", "max_iter": 3},
}


def trained(steps_per_execution: int, optimizer: str, schedule: str, **arguments: Any) -> tuple[list[Array], Trainer]:
    data = Blobs(num_classes=3, num_samples=100, repeat=2, steps_per_execution=steps_per_execution)
    torch.manual_seed(0)
    model = SoftmaxRegression(
        2, 3, optimizer=OPTIMIZERS[optimizer], scheduler=SCHEDULES[schedule], l1=1e-3, l2=1e-3, monitor="train/loss"
    )
    settings: dict[str, Any] = {"max_epochs": 3, "log_every_n_steps": 2}
    trainer = fitted(model, data, **(settings | arguments))
    assert data.steps_at_once == steps_per_execution
    return parameters(model), trainer


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weights_and_metrics_equal_those_of_single_steps(optimizer: str, schedule: str) -> None:
    if optimizer == "LBFGS" and schedule == "one cycle":
        pytest.skip("one cycle also schedules the momentum, which L-BFGS lacks")
    (single, one), (grouped, several) = (trained(number, optimizer, schedule) for number in (1, 4))
    assert one.global_step == several.global_step == 3 * 2 * 3
    for own, expected in zip(grouped, single, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-10, atol=1e-12)
    names = ("train/loss", "train/penalty", "train/objective", "train/accuracy")
    metrics, wanted = ([trainer.callback_metrics[name].item() for name in names] for trainer in (several, one))
    assert metrics == pytest.approx(wanted, rel=1e-6)


def test_the_logged_learning_rate_equals_that_of_single_steps() -> None:
    rates = [trained(number, "SGD", "steps by epoch")[1].callback_metrics["lr"].item() for number in (1, 4)]
    assert rates[0] == rates[1]


def test_a_schedule_with_several_steps_at_once_gives_no_warning() -> None:
    trained(4, "SGD", "cosine by step")


def test_max_steps_ends_a_fit_between_two_groups() -> None:
    _, trainer = trained(2, "SGD", "none", max_epochs=-1, max_steps=8)
    assert trainer.global_step == 8
