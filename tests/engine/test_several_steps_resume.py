"""A fit with several steps at once is interrupted and resumed, and ends as the uninterrupted one, bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from gradexp import run
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.step_seed import StepSeed
from gradexp.models import MLPRegressor
from tests.engine.several_steps import EPOCHS, GROUP_SIZE, Fit, exactly, fit
from tests.processes import kill, start
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

Settings = dict[str, Any]
ADAM = {"_target_": "torch.optim.Adam", "lr": 0.01}
SCHEDULES: dict[str, dict[str, Any]] = {
    "none": {},
    "onecycle": {
        "_target_": "torch.optim.lr_scheduler.OneCycleLR",
        "interval": "step",
        "cycle_momentum": False,
        "total_steps": 80,
    },
    "step": {"_target_": "torch.optim.lr_scheduler.StepLR", "interval": "epoch", "step_size": 1, "gamma": 0.5},
    "plateau": {
        "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "interval": "epoch",
        "patience": 0,
        "threshold": 0.9,
    },
}


class PowerCut(Exception):  # noqa: N818  # stands for a kill, not for an error
    """Ends the fit like a kill."""


class CutPower(Callback):
    """Raises PowerCut before a step."""

    takes_groups = True

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.global_step == self.step:
            raise PowerCut


def part(
    folder: Path,
    steps_per_execution: int,
    limits: dict[str, Any],
    *callbacks: Callback,
    resume: bool = False,
    **settings: Any,
) -> Fit:
    """A fit with checkpoints in `folder`; if `resume`, it continues from last.ckpt."""
    checkpoints = Checkpoints(folder, "train/loss", "min", {})
    ckpt_path = checkpoints.last_path if resume else None
    settings = {"epoch": EPOCHS["ragged last batches"], "optimizer": ADAM} | settings
    return fit(steps_per_execution, *callbacks, checkpoints, trainer=limits, ckpt_path=ckpt_path, **settings)


_whole: dict[str, Fit] = {}


def whole_fit(folder: Path, limits: dict[str, Any], steps_per_execution: int = GROUP_SIZE, **settings: Any) -> Fit:
    """An uninterrupted fit, made once for all tests with the same settings."""
    key = repr((limits, steps_per_execution, settings))
    if key not in _whole:
        _whole[key] = part(folder / "whole", steps_per_execution, limits, **settings)
    return _whole[key]


def assert_same_end(resumed: Fit, whole: Fit, folder: Path) -> None:
    assert resumed.state == whole.state
    assert resumed.metrics == pytest.approx(whole.metrics, rel=1e-5)  # another log interval changes the order of sums
    if resumed.trainer.log_every_n_steps == whole.trainer.log_every_n_steps:  # type: ignore[attr-defined]
        assert resumed.metrics == whole.metrics
        last = whole.logged.entries[-1][0]
        assert [e for e in resumed.logged.entries if e[0] == last] == [e for e in whole.logged.entries if e[0] == last]
    saved = torch.load(folder / "last.ckpt", weights_only=True)
    assert saved["global_step"] == whole.trainer.global_step
    assert exactly(saved["state_dict"]) == whole.state["weights"]
    assert exactly(saved["optimizer_states"]) == [whole.state["optimizer"]]


def assert_resume_between_epochs_equals_a_whole_fit(folder: Path, **settings: Any) -> None:
    whole = whole_fit(folder, {"max_epochs": 4}, **settings)
    part(folder, GROUP_SIZE, {"max_epochs": 2}, **settings)
    resumed = part(folder, GROUP_SIZE, {"max_epochs": 4}, resume=True, **settings)
    assert resumed.data.steps_at_once == GROUP_SIZE
    assert_same_end(resumed, whole, folder)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_resume_between_epochs(own_folder: Path, epoch: str) -> None:
    assert_resume_between_epochs_equals_a_whole_fit(own_folder, epoch=EPOCHS[epoch])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_resume_between_epochs_with_a_schedule(own_folder: Path, schedule: str) -> None:
    assert_resume_between_epochs_equals_a_whole_fit(own_folder, scheduler=SCHEDULES[schedule])


@pytest.mark.parametrize(
    ("step", "schedule"), [(0, "none"), (10, "plateau"), (20, "step"), (50, "onecycle"), (50, "plateau")]
)
def test_resume_after_a_kill(own_folder: Path, step: int, schedule: str) -> None:
    limits, settings = {"max_epochs": 4}, Settings(scheduler=SCHEDULES[schedule])
    whole = whole_fit(own_folder, limits, **settings)
    with pytest.raises(PowerCut):
        part(own_folder, GROUP_SIZE, limits, CutPower(step), **settings)
    assert_same_end(part(own_folder, GROUP_SIZE, limits, resume=True, **settings), whole, own_folder)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_resume_after_max_steps_within_an_epoch(own_folder: Path, epoch: str) -> None:
    settings = Settings(epoch=EPOCHS[epoch], scheduler=SCHEDULES["onecycle"])
    whole = whole_fit(own_folder, {"max_epochs": 4, "max_steps": 80}, **settings)
    for max_steps in (10, 40, 50, 80):
        limits = {"max_epochs": 4, "max_steps": max_steps}
        cut = part(own_folder, GROUP_SIZE, limits, resume=max_steps > 10, **settings)
        assert cut.data.steps_at_once == GROUP_SIZE
        assert cut.trainer.global_step == max_steps
    if epoch == "single samples":  # step 80 is within an epoch too
        assert cut.state == whole.state
    else:
        assert_same_end(cut, whole, own_folder)


@pytest.mark.parametrize("number", [1, GROUP_SIZE])
def test_an_interrupted_epoch_has_the_metrics_of_all_its_steps(own_folder: Path, number: int) -> None:
    whole = whole_fit(own_folder, {"max_epochs": 2}, number)
    part(own_folder, number, {"max_epochs": 4, "max_steps": 30})
    resumed = part(own_folder, number, {"max_epochs": 2}, resume=True)
    assert resumed.metrics["train/loss"] == pytest.approx(whole.metrics["train/loss"], rel=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_resumes_within_an_epoch(own_folder: Path, schedule: str) -> None:
    settings, limits = Settings(scheduler=SCHEDULES[schedule]), {"max_epochs": 4}
    whole = whole_fit(own_folder, limits, **settings)
    part(own_folder, GROUP_SIZE, limits | {"max_epochs": 4, "max_steps": 30}, **settings)
    assert_same_end(part(own_folder, GROUP_SIZE, limits, resume=True, **settings), whole, own_folder)


@pytest.mark.parametrize(
    ("first", "then", "schedule"),
    [
        ((10, 10), (1, 10), "plateau"),
        ((1, 10), (10, 10), "plateau"),
        ((10, 10), (1, 10), "step"),
        ((1, 10), (10, 10), "step"),
        ((10, 10), (1, 10), "onecycle"),
        ((1, 10), (10, 10), "onecycle"),
        ((10, 10), (10, 4), "none"),
        ((10, 4), (5, 10), "plateau"),
    ],
)
def test_another_steps_per_execution_resumes_between_epochs(
    own_folder: Path, first: tuple[int, int], then: tuple[int, int], schedule: str
) -> None:
    # first, then: (steps at once, log interval)
    settings = Settings(scheduler=SCHEDULES[schedule])
    whole = whole_fit(own_folder, {"max_epochs": 4}, **settings)
    part(own_folder, first[0], {"max_epochs": 2, "log_every_n_steps": first[1]}, **settings)
    resumed = part(own_folder, then[0], {"max_epochs": 4, "log_every_n_steps": then[1]}, resume=True, **settings)
    assert_same_end(resumed, whole, own_folder)


@pytest.mark.parametrize(
    ("saved", "now", "log_every_n_steps"),
    [(10, 1, 10), (1, 10, 10), (10, 5, 10), (10, 10, 2), (10, 4, 10), (4, 1000, 10), (1000, 7, 10)],
)
def test_another_steps_per_execution_resumes_within_an_epoch(
    own_folder: Path, saved: int, now: int, log_every_n_steps: int
) -> None:
    whole = whole_fit(own_folder, {"max_epochs": 4, "max_steps": 60})
    part(own_folder, saved, {"max_epochs": 4, "max_steps": 30})
    limits = {"max_epochs": 4, "max_steps": 60, "log_every_n_steps": log_every_n_steps}
    resumed = part(own_folder, now, limits, resume=True)
    assert resumed.state == whole.state
    assert resumed.trainer.global_step == 60


@pytest.mark.parametrize(("cut", "end"), [(26, 60), (30, 46), (26, 47)])
def test_a_run_ended_by_max_steps_resumes_with_more_steps(own_folder: Path, cut: int, end: int) -> None:
    whole = whole_fit(own_folder, {"max_epochs": 4, "max_steps": end})
    part(own_folder, GROUP_SIZE, {"max_epochs": 4, "max_steps": cut})
    assert part(own_folder, GROUP_SIZE, {"max_epochs": 4, "max_steps": end}, resume=True).state == whole.state


def test_dropout_repeats_and_resumes_for_any_steps_per_execution(own_folder: Path) -> None:
    def dropped_out(folder: str, number: int, max_steps: int, resume: bool = False) -> Fit:
        torch.manual_seed(len(folder) + max_steps)  # the global random state must not matter
        settings = Settings(model_class=MLPRegressor, hidden=(8,), dropout=0.5)
        return part(
            own_folder / folder,
            number,
            {"max_epochs": 4, "max_steps": max_steps},
            StepSeed(3),
            resume=resume,
            **settings,
        )

    whole = dropped_out("whole", GROUP_SIZE, 60)
    assert dropped_out("again", GROUP_SIZE, 60).state == whole.state
    for max_steps in (30, 40, 60):
        resumed = dropped_out("cut", GROUP_SIZE, max_steps, resume=max_steps > 30)
    assert resumed.state == whole.state
    for number in (1, 7, 1000):
        assert dropped_out(f"by {number}", number, 60).state == whole.state


def test_a_killed_process_resumes_bit_for_bit(own_folder: Path) -> None:
    settings = ["+experiment=linear_regression", "data.batch_size=16", "data.repeat=25", "optimizer=adam"]
    settings += ["test=false", "figures=false"]  # 400 steps per epoch
    process = start(*settings, "trainer.max_epochs=1000000", "hydra.run.dir=killed")
    last = own_folder / "killed" / "checkpoints" / "last.ckpt"
    wait_until(lambda: last.exists() or not process.is_alive(), "the first checkpoint")
    first = last.stat().st_mtime_ns
    wait_until(lambda: last.stat().st_mtime_ns != first, "the second checkpoint")
    kill(process)
    done = torch.load(last, weights_only=True)["epoch"]
    assert done > 0
    end = f"trainer.max_epochs={done + 3}"
    resumed = run("ckpt_path=killed/checkpoints/last.ckpt", end, "figures=false")
    whole = run(*settings, end, "hydra.run.dir=whole")
    ends = [torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True) for result in (resumed, whole)]
    for key in ("state_dict", "optimizer_states", "global_step", "epoch", "LinearData"):
        assert exactly(ends[0][key]) == exactly(ends[1][key]), key
    names = [name for name in whole.metrics if not name.startswith(("seconds", "asked_hash"))]
    assert {name: resumed.metrics[name] for name in names} == {name: whole.metrics[name] for name in names}
