"""Settings that a schedule does not take, with their messages."""

import math
from typing import Any

import pytest

from tests.objective.schedule_rates import LINEAR, TORCH, built, load


@pytest.mark.parametrize("option", ["cosine", "onecycle"])
def test_a_schedule_that_spans_the_fit_needs_a_limited_fit(option: str) -> None:
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
        ({"_target_": f"{TORCH}.StepLR"}, "step_size"),
        ({"_target_": f"{TORCH}.StepLR", "step_size": 3, "interval": "steps"}, "interval"),
    ],
)
def test_invalid_schedule_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(settings)


def test_conflicting_schedule_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scheduler\.warmup_steps must be 0 for OneCycleLR"):
        built(load("onecycle") | {"warmup_steps": 5})
    with pytest.raises(ValueError, match=r"scheduler\.interval must be epoch for ReduceLROnPlateau"):
        built(load("plateau") | {"interval": "step"})
    with pytest.raises(ValueError, match=r"monitor_mode must be max or min for ReduceLROnPlateau.*'val/metric'"):
        built(load("plateau"), mode=None)


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
            r"scheduler\.schedulers\.0\.interval must be set once, as scheduler\.interval",
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
            r"scheduler\.schedulers\.1\._target_ must not be ChainedScheduler",
        ),
        (
            {"_target_": f"{TORCH}.StepLR", "step_size": 2, "last_epoch": 10},
            "scheduler must have arguments that StepLR",
        ),
    ],
)
def test_schedules_that_would_fail_in_torch_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(settings)
