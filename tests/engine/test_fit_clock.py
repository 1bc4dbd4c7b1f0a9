"""FitClock by a clock that only the test moves."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers.logger import Logger

from gradexp import MLPClassifier
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.engine import fit_clock
from gradexp.engine.fit_clock import FitClock

TAG = "train/samples_per_second"
STEP, VALIDATION = 0.5, 100.0  # seconds


class Notes(Logger):
    """Keeps what is logged, by step."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[int, float] = {}

    @property
    def name(self) -> str:
        return "notes"

    @property
    def version(self) -> int:
        return 0

    def log_hyperparams(self, *arguments: Any, **keywords: Any) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if TAG in metrics:
            assert step is not None
            self.rates[step] = metrics[TAG]


class Clock(Callback):
    """Half a second a step and a hundred seconds a validation of five batches."""

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


def fit(clock: Clock, *callbacks: Callback, max_epochs: int = 2, log_every_n_steps: int = 2, **more: Any) -> Notes:
    """Five steps an epoch, of 8, 8, 8, 8 and 3 samples, and a validation."""
    source = TensorSource(torch.randn(35, 4), torch.randint(3, (35,)))
    notes = Notes()
    quiet: dict[str, Any] = {"enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    quiet |= {"accelerator": "cpu", "logger": notes, "callbacks": [clock, *callbacks], "enable_progress_bar": False}
    trainer = Trainer(max_epochs=max_epochs, log_every_n_steps=log_every_n_steps, **quiet, **more)
    trainer.fit(
        MLPClassifier(4, 3, hidden=(5,)), BatchLoader(source, BatchOrder(35, 8)), BatchLoader(source, BatchOrder(35, 8))
    )
    return notes


def test_the_rate_is_samples_per_second_of_training(clock: Clock) -> None:
    # Steps 2, 4 and 8 close two full batches. Step 6 closes the first of the second epoch, as an epoch's end starts
    # anew; 10 closes 8 + 3 samples in a second.
    assert fit(clock, FitClock()).rates == {2: 16.0, 4: 16.0, 6: 16.0, 8: 16.0, 10: 11.0}


def test_the_rate_is_logged_every_n_steps_only(clock: Clock) -> None:
    assert fit(clock, FitClock(), log_every_n_steps=3, max_epochs=1).rates == {3: 16.0}


def test_the_rate_excludes_a_validation_within_an_epoch(clock: Clock) -> None:
    rates = fit(clock, FitClock(), log_every_n_steps=4, max_epochs=1, val_check_interval=3).rates
    assert rates == {4: 16.0}


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
