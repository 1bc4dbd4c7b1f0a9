"""Which callbacks and hooks make a fit take its steps one at a time, and that the others see every step."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer
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
from gradexp import run
from gradexp.engine.step_callback import StepCallback
from gradexp.models import LinearRegression, SoftmaxRegression
from tests.engine.several_steps import TOGETHER, data, fit


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
    """Has a hook of its own, of which nobody has said that it takes groups."""

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
    return fit(TOGETHER, callback, trainer={"max_epochs": 1, **arguments}).data.steps_at_once


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
def test_groups_do(callback: Callback) -> None:
    assert at_once(callback) == TOGETHER


@pytest.mark.parametrize("bar", [TQDMProgressBar(), RichProgressBar()])
def test_groups_do_for_lightnings_bars(bar: Callback) -> None:
    assert at_once(bar, enable_progress_bar=True) == TOGETHER


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
def test_single_steps_for_a_callback_that_acts_on_each_and_one_line_says_so(
    callback: Callback, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="gradexp"):
        assert at_once(callback) == 1
    (record,) = {record.getMessage() for record in caplog.records if record.name.startswith("gradexp.engine")}
    assert type(callback).__name__ in record
    assert "one at a time, not 50 at once" in record
    assert "millisecond" in record


def test_every_callback_of_ours_takes_groups() -> None:
    """Walks over the public list, so that one that is added is covered the day it is exported."""
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
    """A training step of its own is Lightning's to take."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.training_objective(batch)[0]


@pytest.mark.filterwarnings("ignore:You have overridden `on_before_batch_transfer`")
@pytest.mark.parametrize("model", [OwnModel, OwnTransfer, OwnStep])
def test_single_steps_for_a_module_that_acts_on_each(model: type[LinearRegression]) -> None:
    own, plain = fit(TOGETHER, model_class=model), fit(1)
    assert own.data.steps_at_once == 1
    assert own.state["weights"] == plain.state["weights"]
    assert own.trainer.global_step == plain.trainer.global_step


def test_single_steps_for_a_data_module_that_acts_on_each_batch() -> None:
    from gradexp.data import LinearData
    from tests.engine.several_steps import Logged, trainer_for

    class OwnData(LinearData):  # type: ignore[misc]
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return batch[0] * 2, batch[1]

    own = OwnData((5.0, -2.0), num_samples=40, val_size=10, repeat=100, steps_per_execution=TOGETHER)
    trainer_for(Logged()).fit(LinearRegression(2), datamodule=own)
    assert own.steps_at_once == 1


class Steps(StepCallback):
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def on_step_start(self, trainer: Trainer, pl_module: Any, batch: Any) -> None:
        self.seen.append(("start", trainer.global_step, len(batch[0])))

    def on_step_end(self, trainer: Trainer, pl_module: Any, batch: Any) -> None:
        self.seen.append(("end", trainer.global_step, len(batch[0])))


@pytest.mark.parametrize("number", [1, 7, TOGETHER])
def test_a_step_callback_sees_each_step(number: int) -> None:
    steps = Steps()
    fit(number, steps, epoch={"batch_size": 8}, trainer={"max_epochs": 1})  # 8, 8, 8 and 6 samples
    sizes = [8, 8, 8, 6]
    assert steps.seen == [
        each for step, size in enumerate(sizes) for each in (("start", step, size), ("end", step + 1, size))
    ]


def test_a_step_callback_sees_each_batch_of_lightnings_own_loop() -> None:
    from tests.engine.twins import train

    steps = Steps()
    train(False, steps, max_steps=3)
    assert [step for kind, step, _ in steps.seen if kind == "end"] == [1, 2, 3]


def test_one_batch_as_a_limit_is_one_batch() -> None:
    for limits in ({"limit_train_batches": 1}, {"val_check_interval": 1}):
        several, single = (fit(n, trainer={"max_epochs": 1, **limits}) for n in (TOGETHER, 1))
        assert several.data.steps_at_once == 1
        assert several.state == single.state


def test_summaries_need_nothing() -> None:
    assert fit(TOGETHER, ModelSummary(), trainer={"enable_model_summary": True}).data.steps_at_once == TOGETHER
    assert data(TOGETHER).takes_groups


class OwnHooks(LinearRegression):  # type: ignore[misc]
    """Every hook of a step that Lightning's own loop calls on a module."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.calls: list[str] = []

    def on_before_zero_grad(self, optimizer: Any) -> None:
        self.calls.append("on_before_zero_grad")

    def optimizer_zero_grad(self, *arguments: Any) -> None:
        self.calls.append("optimizer_zero_grad")
        super().optimizer_zero_grad(*arguments)

    def optimizer_step(self, *arguments: Any) -> None:
        self.calls.append("optimizer_step")
        super().optimizer_step(*arguments)

    def configure_gradient_clipping(self, *arguments: Any, **keywords: Any) -> None:
        self.calls.append("configure_gradient_clipping")
        super().configure_gradient_clipping(*arguments, **keywords)

    def lr_scheduler_step(self, *arguments: Any) -> None:
        self.calls.append("lr_scheduler_step")
        super().lr_scheduler_step(*arguments)


class OwnHooksAndStep(OwnHooks):  # type: ignore[misc]
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.training_objective(batch)[0]


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("number", [1, 3])
def test_the_modules_hooks_are_called_as_in_lightnings_own_loop(number: int, clip: float | None) -> None:
    scheduler = {"_target_": "torch.optim.lr_scheduler.StepLR", "interval": "step", "step_size": 10}
    trainer = {"max_epochs": 1, "accumulate_grad_batches": number, "gradient_clip_val": clip}
    engine, lightning = (
        fit(TOGETHER, model_class=model, scheduler=scheduler, trainer=trainer) for model in (OwnHooks, OwnHooksAndStep)
    )
    assert engine.module.takes_steps
    assert not lightning.module.takes_steps
    assert engine.data.steps_at_once == TOGETHER
    assert engine.module.calls == lightning.module.calls
    assert engine.state["weights"] == lightning.state["weights"]


def test_numbers_by_epoch_for_a_module_with_a_step_of_its_own(own_folder: Path) -> None:
    numbers = "trainer.accumulate_grad_batches={0:2,1:5}"
    settings = ("data=blobs", "model=softmax_regression", "trainer.max_epochs=2", "figures=false", numbers)
    own = "model._target_=tests.engine.test_step_callbacks.OwnClassifier"
    results = [run(*settings, *more) for more in ((), (own, "trusted_packages=[gradexp,tests]"))]
    assert results[0].metrics["steps"] == results[1].metrics["steps"] > 0
    for name in ("val/loss", "test/loss"):
        assert results[0].metrics[name] == results[1].metrics[name]


class OwnClassifier(SoftmaxRegression):  # type: ignore[misc]
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.training_objective(batch)[0]
