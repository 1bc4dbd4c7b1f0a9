"""Logs, sample rate and progress bar with several steps at once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import Callback
from rich.console import Console

from gradexp import run
from gradexp.callbacks import LossCurve, RichBar
from gradexp.callbacks import progress_bar as late_bar
from gradexp.callbacks.progress_bar import ProgressBar
from gradexp.engine import fit_clock
from gradexp.engine.fit_clock import FitClock
from tests.engine.several_steps import EPOCHS, GROUP_SIZE, fit
from tests.objective.schedule_rates import Rates
from tests.run_folder import events

STEP = 0.5  # seconds per Lightning batch


def steps_of(entries: list[tuple[int | None, dict[str, float]]], name: str) -> list[int | None]:
    return [step for step, values in entries if name in values]


@pytest.mark.parametrize(
    ("log_every_n_steps", "epoch"),
    [(GROUP_SIZE, epoch) for epoch in EPOCHS] + [(n, "ragged last batches") for n in (1, 2, 14)],
)
def test_logs_equal_those_of_single_steps(log_every_n_steps: int, epoch: str) -> None:
    interval = {"log_every_n_steps": log_every_n_steps}
    several, single = (fit(n, LossCurve(False), epoch=EPOCHS[epoch], trainer=interval) for n in (GROUP_SIZE, 1))
    assert repr(several.logged.entries) == repr(single.logged.entries)  # by repr, as R2 of a single sample is NaN
    last = several.trainer.global_step
    expected = [*range(log_every_n_steps, last + 1, log_every_n_steps)]
    assert steps_of(several.logged.entries, "train/loss") == steps_of(several.logged.entries, "train/lr") == expected
    assert steps_of(several.logged.entries, "val/loss") == [last // 2, last]
    assert several.module.latest_step == expected[-1]
    curves = [result.trainer.callbacks[0].state_dict() for result in (several, single)]  # type: ignore[attr-defined]
    assert curves[0] == curves[1]


def test_values_are_logged_within_a_group() -> None:
    # 14 steps per epoch, in groups of 10 and 4 that end at steps 10, 14, 24, 28, 38 and 42.
    several, single = (fit(n, epoch={"repeat": 14}, trainer={"max_epochs": 3}) for n in (GROUP_SIZE, 1))
    assert steps_of(several.logged.entries, "train/loss") == [10, 20, 30, 40]
    assert steps_of(several.logged.entries, "val/loss") == [14, 28, 42]
    assert several.logged.entries == single.logged.entries


@pytest.mark.parametrize(
    "scheduler",
    [
        {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "interval": "step"},
        {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "interval": "step", "cycle_momentum": False},
        {"_target_": "torch.optim.lr_scheduler.StepLR", "interval": "step", "step_size": 6},
        {
            "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
            "interval": "epoch",
            "patience": 0,
            "threshold": 0.9,
        },
        {"_target_": "torch.optim.lr_scheduler.StepLR", "interval": "epoch", "step_size": 1},
    ],
    ids=lambda scheduler: f"{scheduler['_target_'].rpartition('.')[2]} by {scheduler['interval']}",
)
def test_logged_learning_rates_equal_those_of_single_steps(scheduler: dict[str, Any]) -> None:
    several, single = (fit(n, trainer={"max_epochs": 3}, scheduler=scheduler) for n in (GROUP_SIZE, 1))
    rates = [
        [(step, values["train/lr"]) for step, values in result.logged.entries if "train/lr" in values]
        for result in (several, single)
    ]
    assert len({rate for _, rate in rates[1]}) > 1
    assert rates[0] == rates[1]
    assert several.metrics == single.metrics


@pytest.mark.parametrize("number", [GROUP_SIZE, 1])
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_the_learning_rate_logged_at_a_step_is_the_one_it_was_taken_with(interval: str, number: int) -> None:
    scheduler = {"_target_": "torch.optim.lr_scheduler.ExponentialLR", "interval": interval, "gamma": 0.9}
    used = Rates()
    result = fit(number, used, trainer={"max_epochs": 3, "log_every_n_steps": 10}, scheduler=scheduler)
    logged = {step: values["train/lr"] for step, values in result.logged.entries if "train/lr" in values}
    assert logged == {step: used.rates[step - 1] for step in range(10, len(used.rates) + 1, 10)}
    assert len(set(logged.values())) > 1
    assert result.metrics["lr"] == pytest.approx(used.rates[-1])


@pytest.mark.parametrize("number", [GROUP_SIZE, 1])
def test_a_log_interval_of_0_logs_no_steps(number: int) -> None:
    assert steps_of(fit(number, trainer={"log_every_n_steps": 0}).logged.entries, "train/loss") == []


def tensorboard(folder: str, *overrides: str) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every scalar except times."""
    settings = ("data.repeat=100", "data.num_samples=40", "data.val_size=10", "trainer.max_epochs=2", "figures=false")
    log = events(run("+experiment=linear_regression", *settings, *overrides, f"hydra.run.dir={folder}").folder)
    return {
        tag: [(event.step, event.value) for event in log.Scalars(tag)]
        for tag in log.Tags()["scalars"]
        if not tag.startswith("seconds") and tag != "train/samples_per_second"
    }


def test_tensorboard_has_the_scalars_of_single_steps(own_folder: Path) -> None:
    several = tensorboard("several", "test=false")
    assert several == tensorboard("single", "test=false", "data.steps_per_execution=1")
    assert [step for step, _ in several["train/loss"]][:4] == [50, 100, 150, 200]


def test_a_test_is_logged_at_the_last_step(own_folder: Path) -> None:
    assert {step for step, _ in tensorboard("several")["test/loss"]} == {200}


class Clock(Callback):
    """Moves by 0.5 s per Lightning batch."""

    takes_groups = True

    def __init__(self) -> None:
        self.now = 1000.0

    def on_train_batch_start(self, *arguments: Any) -> None:
        self.now += STEP


@pytest.mark.parametrize(
    ("epoch", "samples"),
    [("full batches", 10 * 30), ("single samples", 10), ("ragged last batches", 76)],  # 2 passes of 30, 8 and 8
)
def test_the_rate_counts_the_samples_of_all_steps_in_a_group(
    epoch: str, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(fit_clock, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    several = fit(GROUP_SIZE, clock, FitClock(), epoch=EPOCHS[epoch], trainer={"max_epochs": 1})
    tag = "train/samples_per_second"
    rates = [(step, values[tag]) for step, values in several.logged.entries if tag in values]
    assert rates[0] == (GROUP_SIZE, samples / STEP)
    assert [step for step, _ in rates] == [*range(GROUP_SIZE, several.trainer.global_step + 1, GROUP_SIZE)]


@pytest.mark.parametrize("limits", [{"max_epochs": 2}, {"max_epochs": 2, "max_steps": 30}, {"max_epochs": -1}])
def test_the_progress_bar_counts_optimizer_steps(limits: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_bar, "APPEARS_AFTER", -1.0)
    monkeypatch.setattr(late_bar, "DRAWN_EVERY", -1.0)
    drawn: list[tuple[int, float]] = []
    monkeypatch.setattr(ProgressBar, "draw", lambda bar, what, done, total, text="": drawn.append((done, total)))
    limits = {"max_steps": 30} | limits if limits["max_epochs"] == -1 else limits
    total = limits.get("max_steps", 40)
    for number in (GROUP_SIZE, 1):
        drawn.clear()
        fit(number, RichBar(Console(quiet=True)), trainer={"enable_progress_bar": True} | limits)
        assert drawn == [(step, total) for step in range(number, total + 1, number)]
