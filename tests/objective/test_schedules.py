"""Every schedule in conf/ over a whole fit, against closed forms."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from gradexp.objective.schedules import Fit, build_schedules
from tests.objective.schedule_rates import (
    EPOCHS,
    LR,
    STEPS,
    TORCH,
    built,
    cosine_between,
    load,
    rates_of_a_fit,
    sgd,
)
from tests.options import options


def cosine(step: int) -> float:
    return cosine_between(LR, 0.0, step / (EPOCHS * STEPS))


def onecycle(step: int) -> float:
    # Rises from lr / 25 to lr in 30 % of the steps, then falls to 1/10,000 of its initial value.
    peak, last = 0.3 * EPOCHS * STEPS - 1, EPOCHS * STEPS - 1
    if step <= peak:
        return cosine_between(LR / 25, LR, step / peak)
    return cosine_between(LR, LR / 25 / 1e4, (step - peak) / (last - peak))


CLOSED_FORMS: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "none": ({}, lambda step: LR),
    "cosine": ({}, cosine),
    "onecycle": ({}, onecycle),
    "step": ({"step_size": 2, "gamma": 0.5}, lambda step: LR * 0.5 ** (step // STEPS // 2)),
    # The first epoch is the best and patience is 2, so the third epoch without improvement, epoch 4, lowers the rate.
    "plateau": ({"patience": 2, "factor": 0.25}, lambda step: LR if step // STEPS < 4 else 0.25 * LR),
}


@pytest.mark.parametrize("name", options("scheduler"))
def test_the_learning_rate_of_every_step_equals_the_closed_form(name: str) -> None:
    changed, closed_form = CLOSED_FORMS[name]
    rates = rates_of_a_fit(load(name) | changed)
    assert len(rates) == EPOCHS * STEPS
    assert rates == pytest.approx([closed_form(step) for step in range(EPOCHS * STEPS)], rel=1e-9)


@pytest.mark.parametrize(("every", "first_lower"), [(1, 2), (2, 4), (3, None)])
def test_a_plateau_schedule_counts_validations(every: int, first_lower: int | None) -> None:
    # The first validation sets the best value; the second is no better.
    rates = rates_of_a_fit(load("plateau") | {"patience": 0, "factor": 0.25}, check_val_every_n_epoch=every)
    lower = [number for number, rate in enumerate(rates) if rate < LR]
    assert lower[:1] == ([] if first_lower is None else [first_lower * STEPS])


def test_onecycle_starts_peaks_and_ends_as_configured() -> None:
    rates = rates_of_a_fit(load("onecycle"))
    assert rates[0] == pytest.approx(LR / 25)
    assert max(rates) == rates[8] == pytest.approx(LR)
    assert rates[-1] == pytest.approx(LR / 25e4)


@pytest.mark.parametrize("name", options("scheduler"))
def test_every_configured_schedule_is_built_from_its_file(name: str) -> None:
    settings = load(name)
    found = built(settings)
    if settings["_target_"] is None:
        assert found == []
        return
    (schedule,) = found
    assert type(schedule["scheduler"]).__name__ == settings["_target_"].rpartition(".")[2]
    assert schedule["interval"] == settings["interval"]
    assert schedule["monitor"] == "val/metric"


@pytest.mark.parametrize(("mode", "improving"), [("max", [0.1, 0.2, 0.3, 0.4, 0.5]), ("min", [5, 4, 3, 2, 1])])
def test_a_plateau_schedule_lowers_the_rate_when_the_metric_stops_improving(mode: str, improving: list[float]) -> None:
    for values, rate in ((improving, LR), (improving[::-1], 0.1 * LR)):
        optimizer = sgd()
        (schedule,) = built(load("plateau"), math.inf, mode, optimizer)
        for value in values:
            schedule["scheduler"].step(value)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


@pytest.mark.parametrize("name", ["OneCycleLR", "CosineAnnealingLR"])
def test_a_schedule_without_a_length_spans_the_steps_of_the_fit(name: str) -> None:
    (schedule,) = built({"_target_": f"{TORCH}.{name}"}, steps=37)
    assert schedule["interval"] == "step"
    assert 37 in vars(schedule["scheduler"]).values()
    with pytest.raises(ValueError, match=rf"scheduler\.interval must be step for {name}.*got 'epoch'"):
        built({"_target_": f"{TORCH}.{name}", "interval": "epoch"})


def test_a_schedule_with_a_length_steps_by_epoch() -> None:
    (schedule,) = built({"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": 6}, steps=math.inf)
    assert schedule["interval"] == "epoch"
    rates = rates_of_a_fit({"_target_": f"{TORCH}.CosineAnnealingLR", "T_max": 6})
    assert rates == pytest.approx([cosine_between(LR, 0.0, step // STEPS / 6) for step in range(EPOCHS * STEPS)])


def test_the_last_part_of_a_sequence_spans_the_rest_of_the_fit() -> None:
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
