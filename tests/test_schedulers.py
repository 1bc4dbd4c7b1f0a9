"""Every schedule in conf/ over a whole fit, against closed forms."""

import math
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import OmegaConf
from torch import nn
from torch.optim import Optimizer

from gradexp import MLPClassifier
from gradexp.config import CONF_DIR
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.optimizers import build_scheduler

EPOCHS, STEPS = 6, 5  # of a fit, and of an epoch
LR = 0.04


def options() -> list[str]:
    return sorted(path.stem for path in (CONF_DIR / "scheduler").glob("*.yaml"))


def load(option: str) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(CONF_DIR / "scheduler" / f"{option}.yaml")))


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=LR)


class Rates(Callback):
    """The learning rate that each step used."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.rates.append(optimizer.param_groups[0]["lr"])


def rates_of_a_fit(scheduler: dict[str, Any], lr: float = LR) -> list[float]:
    model = MLPClassifier(3, 2, hidden=(4,), optimizer={"name": "SGD", "lr": lr}, scheduler=scheduler)
    # Zeros, whose accuracy does not change while the learning rate is small: a plateau from the start.
    source = TensorSource(torch.zeros(10, 3), torch.tensor([0, 1] * 5))
    rates = Rates()
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "callbacks": [rates]}
    trainer = Trainer(max_epochs=EPOCHS, **quiet)
    trainer.fit(model, BatchLoader(source, BatchOrder(10, 2)), BatchLoader(source, BatchOrder(10, 10)))
    return rates.rates


def cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def cosine(step: int) -> float:
    return cosine_between(LR, 0.0, step / (EPOCHS * STEPS))


def onecycle(step: int) -> float:
    # Up for 30 % of the steps from lr / 25 to lr, then down to a ten-thousandth of where it began.
    peak, last = 0.3 * EPOCHS * STEPS - 1, EPOCHS * STEPS - 1
    if step <= peak:
        return cosine_between(LR / 25, LR, step / peak)
    return cosine_between(LR, LR / 25 / 1e4, (step - peak) / (last - peak))


CLOSED_FORMS: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "none": ({}, lambda step: LR),
    "cosine": ({}, cosine),
    "onecycle": ({}, onecycle),
    "step": ({"step_size": 2, "gamma": 0.5}, lambda step: LR * 0.5 ** (step // STEPS // 2)),
    # The first epoch is the best, patience is two epochs, the third one in vain lowers the rate: after epoch 4.
    "plateau": ({"patience": 2, "factor": 0.25}, lambda step: LR if step // STEPS < 4 else 0.25 * LR),
}


@pytest.mark.parametrize("option", options())
def test_the_rate_of_every_step_of_a_fit_equals_the_closed_form(option: str) -> None:
    changed, closed_form = CLOSED_FORMS[option]
    rates = rates_of_a_fit(load(option) | changed)
    assert len(rates) == EPOCHS * STEPS
    assert rates == pytest.approx([closed_form(step) for step in range(EPOCHS * STEPS)], rel=1e-9)


def test_onecycle_begins_peaks_and_ends_where_its_settings_say() -> None:
    rates = rates_of_a_fit(load("onecycle"))
    assert rates[0] == pytest.approx(LR / 25)
    assert max(rates) == rates[8] == pytest.approx(LR)
    assert rates[-1] == pytest.approx(LR / 25e4)


@pytest.mark.parametrize("option", options())
def test_every_configured_schedule_is_built_from_its_file_alone(option: str) -> None:
    settings = load(option)
    built = build_scheduler(sgd(), settings, 100, "val/accuracy", "max")
    if settings["name"] is None:
        assert built is None
        return
    assert built is not None
    assert type(built["scheduler"]).__name__ == settings["name"]
    assert built["interval"] == settings["interval"]
    assert built["monitor"] == "val/accuracy"


@pytest.mark.parametrize(("mode", "improving"), [("max", [0.1, 0.2, 0.3, 0.4, 0.5]), ("min", [5, 4, 3, 2, 1])])
def test_a_plateau_is_where_the_metric_stops_getting_better(mode: str, improving: list[float]) -> None:
    for values, rate in ((improving, LR), (improving[::-1], 0.1 * LR)):
        optimizer = sgd()
        built = build_scheduler(optimizer, load("plateau"), math.inf, "val/metric", mode)
        assert built is not None
        for value in values:
            built["scheduler"].step(value)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


@pytest.mark.parametrize("option", ["cosine", "onecycle"])
def test_a_schedule_over_the_whole_fit_needs_a_fit_that_ends(option: str) -> None:
    with pytest.raises(ValueError, match=r"scheduler\.name must not be .* in a fit without end.*trainer\.max_epochs"):
        build_scheduler(sgd(), load(option), math.inf, "val/accuracy", "max")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "StepLr"}, r"scheduler\.name must be one of .*StepLR.*; got 'StepLr'\. Did you mean StepLR\?"),
        ({"name": "LRScheduler"}, r"scheduler\.name must be one of"),
        ({"name": "StepLR", "stepsize": 3}, r"scheduler\.stepsize is not an .* StepLR, .*Did you mean step_size\?"),
        ({"name": "StepLR", "step_size": 0}, r"scheduler\.step_size must be a whole number of at least 1; got 0"),
        ({"name": "StepLR", "step_size": 3, "gamma": 0}, r"scheduler\.gamma must be a finite number above 0; got 0"),
        pytest.param(
            {"name": "StepLR"},
            "step_size",
        ),
        pytest.param(
            {"name": "StepLR", "step_size": 3, "interval": "steps"},
            "interval",
        ),
    ],
)
def test_what_a_schedule_does_not_take_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_scheduler(sgd(), settings, 100, "val/accuracy", "max")
