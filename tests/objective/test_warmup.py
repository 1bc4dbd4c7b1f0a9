"""The linear warm-up before a schedule, against closed forms."""

from collections.abc import Callable
from typing import Any

import pytest

from gradexp.objective.schedules import Fit, build_schedules
from tests.objective.schedule_rates import EPOCHS, LINEAR, LR, STEPS, TORCH, built, cosine_between, rates_of_a_fit, sgd


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
def test_the_rate_rises_linearly_and_then_follows_the_schedule(
    settings: dict[str, Any], closed_form: Callable[[int], float]
) -> None:
    rates = rates_of_a_fit(settings)
    assert rates == pytest.approx([closed_form(step) for step in range(EPOCHS * STEPS)], rel=1e-9)


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
def test_a_schedule_that_overwrites_the_rate_takes_a_warm_up_only_by_steps(
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
def test_a_list_of_schedules_refuses_warmup_steps(name: str) -> None:
    milestones = {"milestones": [3]} if name == "SequentialLR" else {}
    with pytest.raises(ValueError, match=f"scheduler.warmup_steps must be 0 for {name}; got 4. Put a LinearLR into"):
        built({"_target_": f"{TORCH}.{name}", "schedulers": [LINEAR, LINEAR], "warmup_steps": 4, **milestones})
