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
from gradexp.configuration.files import CONF_DIR
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.objective.schedules import Fit, build_schedules

EPOCHS, STEPS = 6, 5  # of a fit, and of an epoch
LR = 0.04
TORCH = "torch.optim.lr_scheduler"


def options() -> list[str]:
    return sorted(path.stem for path in (CONF_DIR / "scheduler").glob("*.yaml") if path.stem != "custom")


def load(option: str) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(CONF_DIR / "scheduler" / f"{option}.yaml")))


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=LR)


def built(
    settings: dict[str, Any], steps: float = 100, mode: str | None = "max", optimizer: Optimizer | None = None
) -> list[dict[str, Any]]:
    return build_schedules(optimizer or sgd(), settings, Fit(lambda: steps, "val/metric", mode))


class Rates(Callback):
    """The learning rate that each step used."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.rates.append(optimizer.param_groups[0]["lr"])


def rates_of_a_fit(scheduler: dict[str, Any], lr: float = LR) -> list[float]:
    model = MLPClassifier(3, 2, hidden=(4,), optimizer={"_target_": "torch.optim.SGD", "lr": lr}, scheduler=scheduler)
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
    found = built(settings)
    if settings["_target_"] is None:
        assert found == []
        return
    (schedule,) = found
    assert type(schedule["scheduler"]).__name__ == settings["_target_"].rpartition(".")[2]
    assert schedule["interval"] == settings["interval"]
    assert schedule["monitor"] == "val/metric"


@pytest.mark.parametrize(("mode", "improving"), [("max", [0.1, 0.2, 0.3, 0.4, 0.5]), ("min", [5, 4, 3, 2, 1])])
def test_a_plateau_is_where_the_metric_stops_getting_better(mode: str, improving: list[float]) -> None:
    for values, rate in ((improving, LR), (improving[::-1], 0.1 * LR)):
        optimizer = sgd()
        (schedule,) = built(load("plateau"), math.inf, mode, optimizer)
        for value in values:
            schedule["scheduler"].step(value)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


@pytest.mark.parametrize("option", ["cosine", "onecycle"])
def test_a_schedule_over_the_whole_fit_needs_a_fit_that_ends(option: str) -> None:
    with pytest.raises(
        ValueError, match=r"scheduler\._target_ must not be .* in a fit without end.*trainer\.max_epochs"
    ):
        built(load(option), math.inf)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"_target_": f"{TORCH}.StepLr"}, r"scheduler\._target_ must name a .*StepLr\. Did you mean StepLR\?"),
        ({"_target_": f"{TORCH}.LRScheduler"}, r"scheduler\._target_ must name a learning-rate schedule"),
        ({"_target_": "os.path.join"}, r"scheduler\._target_ must name a class in a trusted package"),
        (
            {"_target_": f"{TORCH}.StepLR", "stepsize": 3},
            r"scheduler\.stepsize is not an .* StepLR, .*Did you mean step_size\?",
        ),
        (
            {"_target_": f"{TORCH}.StepLR", "step_size": 0},
            r"scheduler\.step_size must be a whole number of at least 1; got 0",
        ),
        (
            {"_target_": f"{TORCH}.StepLR", "step_size": 3, "gamma": 0},
            r"scheduler\.gamma must be a finite number above 0; got 0",
        ),
        pytest.param(
            {"_target_": f"{TORCH}.StepLR"},
            "step_size",
        ),
        pytest.param(
            {"_target_": f"{TORCH}.StepLR", "step_size": 3, "interval": "steps"},
            "interval",
        ),
    ],
)
def test_what_a_schedule_does_not_take_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(settings)


def cosine_after(warmup: int) -> Callable[[int], float]:
    total = EPOCHS * STEPS
    return lambda step: (
        LR * (step + 1) / warmup if step < warmup else cosine_between(LR, 0.0, (step - warmup) / (total - warmup))
    )


@pytest.mark.parametrize(
    ("settings", "closed_form"),
    [
        ({"_target_": None, "warmup_steps": 7}, lambda step: LR * min((step + 1) / 7, 1)),
        ({"_target_": None, "warmup_steps": 1}, lambda step: LR),
        ({"_target_": f"{TORCH}.CosineAnnealingLR", "warmup_steps": 7}, cosine_after(7)),
        (
            {"_target_": f"{TORCH}.StepLR", "step_size": 2, "gamma": 0.5, "warmup_steps": 7},
            lambda step: LR * min((step + 1) / 7, 1) * 0.5 ** (step // STEPS // 2),
        ),
        (
            {"_target_": f"{TORCH}.ReduceLROnPlateau", "patience": 2, "factor": 0.25, "warmup_steps": 7},
            lambda step: LR * min((step + 1) / 7, 1) * (1 if step // STEPS < 4 else 0.25),
        ),
        (
            {"_target_": f"{TORCH}.ExponentialLR", "gamma": 0.9, "interval": "step", "warmup_steps": 4},
            lambda step: LR * (step + 1) / 4 if step < 4 else LR * 0.9 ** (step - 4),
        ),
    ],
    ids=["alone", "of one step", "cosine", "by epochs", "plateau", "by steps"],
)
def test_a_warm_up_rises_in_a_line_and_then_the_schedule_begins(
    settings: dict[str, Any], closed_form: Callable[[int], float]
) -> None:
    rates = rates_of_a_fit(settings)
    assert rates == pytest.approx([closed_form(step) for step in range(EPOCHS * STEPS)], rel=1e-9)


@pytest.mark.parametrize("name", ["OneCycleLR", "CosineAnnealingLR"])
def test_a_schedule_without_a_length_is_laid_out_over_the_steps_of_the_fit_however_it_was_named(name: str) -> None:
    (schedule,) = built({"_target_": f"{TORCH}.{name}"}, steps=37)
    assert schedule["interval"] == "step"
    assert 37 in vars(schedule["scheduler"]).values()
    with pytest.raises(ValueError, match=rf"scheduler\.interval must be step for {name}.*got 'epoch'"):
        built({"_target_": f"{TORCH}.{name}", "interval": "epoch"})


def test_a_schedule_with_a_length_of_its_own_goes_by_epochs_as_torchs_do() -> None:
    (schedule,) = built({"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": 6}, steps=math.inf)
    assert schedule["interval"] == "epoch"
    rates = rates_of_a_fit({"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": 6})
    assert rates == pytest.approx([cosine_between(LR, 0.0, step // STEPS / 6) for step in range(EPOCHS * STEPS)])


def test_a_sequence_in_yaml_gives_its_last_part_what_is_left_of_the_fit() -> None:
    settings = {
        "_target_": f"{TORCH}.SequentialLR",
        "interval": "step",
        "milestones": [10],
        "schedulers": [
            {"_target_": f"{TORCH}.ConstantLR", "factor": 0.5, "total_iters": 100},
            {"_target_": f"{TORCH}.CosineAnnealingLR"},
        ],
    }
    rates = rates_of_a_fit(settings)
    total = EPOCHS * STEPS
    expected = [0.5 * LR if step < 10 else cosine_between(LR, 0.0, (step - 10) / (total - 10)) for step in range(total)]
    assert rates == pytest.approx(expected, rel=1e-9)


def halved_each_epoch(epoch: int) -> float:
    return 0.5**epoch


def test_a_function_of_a_trusted_package_scales_the_rate() -> None:
    settings = {"_target_": f"{TORCH}.LambdaLR", "lr_lambda": f"{__name__}.halved_each_epoch"}
    with pytest.raises(ValueError, match=r"scheduler\.lr_lambda must name a .* trusted package.*add trusted_packages"):
        built(settings)
    optimizer = sgd()
    fit = Fit(lambda: 100, "val/loss", "min", trusted_packages=("gradexp", "tests"))
    (schedule,) = build_schedules(optimizer, settings, fit)
    optimizer.step()
    schedule["scheduler"].step()
    assert optimizer.param_groups[0]["lr"] == LR / 2


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scheduler\.warmup_steps must be 0 for OneCycleLR"):
        built(load("onecycle") | {"warmup_steps": 5})
    with pytest.raises(ValueError, match=r"scheduler\.interval must be epoch for ReduceLROnPlateau"):
        built(load("plateau") | {"interval": "step"})
    with pytest.raises(ValueError, match=r"monitor_mode must be max or min for ReduceLROnPlateau.*'val/metric'"):
        built(load("plateau"), mode=None)


LINEAR = {"_target_": f"{TORCH}.LinearLR"}
TWO = {"_target_": f"{TORCH}.SequentialLR", "milestones": [3]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            load("cosine") | {"warmup_steps": 100},
            r"scheduler\.warmup_steps must be below 100, the steps of the fit; got 100",
        ),
        (
            {
                "_target_": f"{TORCH}.SequentialLR",
                "milestones": [3],
                "schedulers": [LINEAR | {"interval": "step"}, LINEAR],
            },
            r"scheduler\.schedulers\.0\.interval must stand beside scheduler\._target_",
        ),
        (
            TWO | {"schedulers": [LINEAR, LINEAR | {"total": 2}]},
            r"scheduler\.schedulers\.1\.total is not an argument of LinearLR.*Did you mean total_iters\?",
        ),
        (
            {
                "_target_": f"{TORCH}.SequentialLR",
                "milestones": [3],
                "schedulers": [LINEAR, {"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [LINEAR]}],
            },
            r"scheduler\.schedulers\.1\._target_ must be no ChainedScheduler",
        ),
        (
            {"_target_": f"{TORCH}.StepLR", "step_size": 2, "last_epoch": 10},
            "scheduler must have arguments that StepLR",
        ),
    ],
)
def test_what_torch_would_trip_over_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(settings)


def inverse_root(step: int) -> float:
    return float((step + 1) ** -0.5)


@pytest.mark.parametrize(
    ("name", "arguments", "after"),
    [
        ("LambdaLR", {"lr_lambda": f"{__name__}.inverse_root"}, lambda step: LR * inverse_root(step)),
        ("CosineAnnealingWarmRestarts", {"T_0": 6}, lambda step: cosine_between(LR, 0.0, step % 6 / 6)),
        ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.01}, lambda step: cosine_between(LR, 0.01, step / 50)),
    ],
)
def test_a_schedule_that_sets_its_rate_anew_is_warmed_up_by_steps_alone(
    name: str, arguments: dict[str, Any], after: Callable[[int], float]
) -> None:
    settings = {"_target_": f"{TORCH}.{name}", "warmup_steps": 4, "interval": "step", **arguments}
    optimizer = sgd()
    fit = Fit(lambda: 100, "val/loss", "min", trusted_packages=("gradexp", "tests"))
    (schedule,) = build_schedules(optimizer, settings, fit)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule["scheduler"].step()
    assert rates == pytest.approx([LR * (n + 1) / 4 if n < 4 else after(n - 4) for n in range(20)])
    with pytest.raises(ValueError, match=f"scheduler.interval must be step for {name} with scheduler.warmup_steps"):
        build_schedules(sgd(), settings | {"interval": "epoch"}, fit)


@pytest.mark.parametrize("name", ["SequentialLR", "ChainedScheduler"])
def test_a_list_of_schedules_has_its_warm_up_in_the_list(name: str) -> None:
    milestones = {"milestones": [3]} if name == "SequentialLR" else {}
    with pytest.raises(ValueError, match=f"scheduler.warmup_steps must be 0 for {name}, in whose list a LinearLR is"):
        built({"_target_": f"{TORCH}.{name}", "schedulers": [LINEAR, LINEAR], "warmup_steps": 4, **milestones})
