"""FitClock with a clock that the test controls."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from gradexp import MLPClassifier
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.engine import fit_clock
from gradexp.engine.fit_clock import FitClock
from tests.engine.several_steps import Logged

TAG = "train/samples_per_second"
STEP, VALIDATION = 0.5, 100.0  # seconds


class Clock(Callback):
    """Moves by 0.5 s per step and 100 s per validation of five batches."""

    def __init__(self) -> None:
        self.now = 1000.0

    def on_train_batch_start(self, *arguments: Any) -> None:
        self.now += STEP

    def on_validation_batch_start(self, *arguments: Any) -> None:
        self.now += VALIDATION / 5


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(fit_clock, "time", SimpleNamespace(perf_counter=lambda: moved.now))
    return moved


def fit(
    clock: Clock, *callbacks: Callback, max_epochs: int = 2, log_every_n_steps: int = 2, **more: Any
) -> dict[int | None, float]:
    """The logged rates of a fit with five steps per epoch, of 8, 8, 8, 8 and 3 samples, and a validation."""
    source = TensorSource(torch.randn(35, 4), torch.randint(3, (35,)))
    logged = Logged()
    quiet: dict[str, Any] = {"enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    quiet |= {"accelerator": "cpu", "logger": logged, "callbacks": [clock, *callbacks], "enable_progress_bar": False}
    trainer = Trainer(max_epochs=max_epochs, log_every_n_steps=log_every_n_steps, **quiet, **more)
    trainer.fit(
        MLPClassifier(4, 3, hidden=(5,)), BatchLoader(source, BatchOrder(35, 8)), BatchLoader(source, BatchOrder(35, 8))
    )
    return {step: values[TAG] for step, values in logged.entries if TAG in values}


def test_the_rate_is_samples_per_second_of_training(clock: Clock) -> None:
    # Steps 2, 4 and 8 follow two full batches in one second. Each epoch starts a new lap, so step 6 follows one full
    # batch in 0.5 s. Step 10 follows 8 + 3 samples in one second.
    assert fit(clock, FitClock()) == {2: 16.0, 4: 16.0, 6: 16.0, 8: 16.0, 10: 11.0}


def test_the_rate_is_logged_every_n_steps_only(clock: Clock) -> None:
    assert fit(clock, FitClock(), log_every_n_steps=3, max_epochs=1) == {3: 16.0}


def test_the_rate_excludes_a_validation_within_an_epoch(clock: Clock) -> None:
    assert fit(clock, FitClock(), log_every_n_steps=4, max_epochs=1, val_check_interval=3) == {4: 16.0}


def test_seconds_count_the_whole_fit(clock: Clock) -> None:
    watched = FitClock()
    fit(clock, watched)
    assert watched.seconds == 2 * (5 * STEP + VALIDATION)
    assert watched.state_dict() == {"seconds": watched.seconds}


def test_a_resumed_fit_adds_to_the_seconds_in_the_checkpoint(clock: Clock) -> None:
    resumed = FitClock()
    resumed.load_state_dict({"seconds": 1000.0})
    fit(clock, resumed, max_epochs=1)
    assert resumed.seconds == 1000 + 5 * STEP + VALIDATION


def test_the_state_within_a_fit_has_the_seconds_so_far(clock: Clock) -> None:
    watched = FitClock()
    states: list[dict[str, Any]] = []

    class Take(Callback):
        def on_train_batch_end(self, *arguments: Any) -> None:
            states.append(watched.state_dict())

    fit(clock, watched, Take(), max_epochs=1)
    assert states == [{"seconds": STEP * step} for step in range(1, 6)]


def test_an_exception_stops_the_clock(clock: Clock) -> None:
    watched = FitClock()

    class Interrupt(Callback):
        def on_train_batch_end(self, *arguments: Any) -> None:
            raise RuntimeError("the first step")

    with pytest.raises(RuntimeError, match="the first step"):
        fit(clock, watched, Interrupt())
    clock.now += 500
    assert watched.state_dict() == {"seconds": STEP}
