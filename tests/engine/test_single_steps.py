"""Which callbacks, modules and data modules make a fit take its steps one at a time."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    LambdaCallback,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelSummary,
    RichProgressBar,
    StochasticWeightAveraging,
    Timer,
    TQDMProgressBar,
)

from gradexp import callbacks as ours
from gradexp.data import LinearData
from gradexp.engine.step_callback import StepCallback
from gradexp.models import LinearRegression
from tests.engine.several_steps import GROUP_SIZE, Logged, data, fit, trainer_for


class Nothing(Callback):
    pass


class Acts(Callback):
    def on_train_batch_end(self, *_: Any) -> None: ...


class Begins(Callback):
    def on_train_batch_start(self, *_: Any) -> None: ...


class TakesGroups(Acts):
    takes_groups = True


class ActsAfterAll(TakesGroups):
    takes_groups = False


class OverridesAgain(TakesGroups):
    """Overrides the hook again without setting `takes_groups`."""

    def on_train_batch_end(self, *_: Any) -> None: ...


class SaysSo(OverridesAgain):
    takes_groups = True


class SubTimer(Timer):
    pass


class SubStep(StepCallback):
    def on_step_end(self, *_: Any) -> None: ...


class OverridesStep(StepCallback):
    def on_train_batch_end(self, *_: Any) -> None: ...


def at_once(callback: Callback, **arguments: Any) -> int:
    return fit(GROUP_SIZE, callback, trainer={"max_epochs": 1, **arguments}).data.steps_at_once


@pytest.mark.parametrize(
    "callback",
    [
        Nothing(),
        TakesGroups(),
        SaysSo(),
        SubStep(),
        SubTimer(timedelta(hours=1)),
        Timer(timedelta(hours=1)),
        EarlyStopping("val/loss"),
        ModelCheckpoint(),
        ModelCheckpoint(train_time_interval=timedelta(hours=1)),
        ModelCheckpoint(every_n_epochs=1),
        StochasticWeightAveraging(0.01),
        LambdaCallback(on_fit_start=lambda *_: None),
        ours.Diagnostics(),
        ours.Divergence(),
        ours.LossCurve(False),
        ours.CostCurve(),
        ours.Sparsity(),
        ours.ParameterScalars(),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callbacks_that_work_with_groups(callback: Callback) -> None:
    assert at_once(callback) == GROUP_SIZE


@pytest.mark.parametrize("bar", [TQDMProgressBar(), RichProgressBar()])
def test_lightnings_progress_bars_work_with_groups(bar: Callback) -> None:
    assert at_once(bar, enable_progress_bar=True) == GROUP_SIZE


@pytest.mark.parametrize(
    "callback",
    [
        Acts(),
        Begins(),
        ActsAfterAll(),
        OverridesAgain(),
        OverridesStep(),
        EMAWeightAveraging(),
        LearningRateMonitor(),
        ModelCheckpoint(every_n_train_steps=10),
        LambdaCallback(on_train_batch_end=lambda *_: None),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_a_callback_that_acts_on_each_step_gets_single_steps_and_a_warning(
    callback: Callback, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="gradexp"):
        assert at_once(callback) == 1
    (record,) = {record.getMessage() for record in caplog.records if record.name.startswith("gradexp.engine")}
    assert type(callback).__name__ in record
    assert f"one at a time, not {GROUP_SIZE} at once" in record
    assert "millisecond" in record


def test_every_exported_callback_takes_groups() -> None:
    """Walks over the public list, so that a new callback is tested once it is exported."""
    for name in ours.__all__:
        cls = getattr(ours, name)
        hooks = {"on_train_batch_start", "on_train_batch_end"}
        bases = [base for base in getattr(cls, "__mro__", ()) if base.__module__.startswith("gradexp")]
        assert all(vars(base).get("takes_groups") for base in bases if hooks & vars(base).keys()), name


class OwnModel(LinearRegression):  # type: ignore[misc]  # final for our own code
    def on_train_batch_end(self, *arguments: Any) -> None:
        super().on_train_batch_end(*arguments)


class OwnTransfer(LinearRegression):  # type: ignore[misc]
    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        assert len(batch) == 2
        return batch


class OwnStep(LinearRegression):  # type: ignore[misc]
    """Overrides the training step, so Lightning's own loop takes the steps."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.training_objective(batch)[0]


@pytest.mark.filterwarnings("ignore:You have overridden `on_before_batch_transfer`")
@pytest.mark.parametrize("model", [OwnModel, OwnTransfer, OwnStep])
def test_a_module_that_acts_on_each_batch_gets_single_steps(model: type[LinearRegression]) -> None:
    own, plain = fit(GROUP_SIZE, model_class=model), fit(1)
    assert own.data.steps_at_once == 1
    assert own.state["weights"] == plain.state["weights"]
    assert own.trainer.global_step == plain.trainer.global_step


def test_a_data_module_that_acts_on_each_batch_gets_single_steps() -> None:
    class OwnData(LinearData):  # type: ignore[misc]
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return batch[0] * 2, batch[1]

    own = OwnData((5.0, -2.0), num_samples=40, val_size=10, repeat=20, steps_per_execution=GROUP_SIZE)
    trainer_for(Logged()).fit(LinearRegression(2), datamodule=own)
    assert own.steps_at_once == 1


def test_a_limit_of_one_batch_is_one_batch() -> None:
    for limits in ({"limit_train_batches": 1}, {"val_check_interval": 1}):
        several, single = (fit(n, trainer={"max_epochs": 1, **limits}) for n in (GROUP_SIZE, 1))
        assert several.data.steps_at_once == 1
        assert several.state == single.state


def test_model_summaries_work_with_groups() -> None:
    assert fit(GROUP_SIZE, ModelSummary(), trainer={"enable_model_summary": True}).data.steps_at_once == GROUP_SIZE
    assert data(GROUP_SIZE).takes_groups
