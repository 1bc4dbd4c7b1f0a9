"""The engine takes the same steps as Lightning's own loop, bit for bit."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LearningRateMonitor,
    ModelCheckpoint,
    StochasticWeightAveraging,
)

from gradexp.engine.step_groups import StepGroup
from tests.engine.lightning_comparison import BATCHES, Run, assert_same_steps, train
from tests.engine.several_steps import exactly

pytestmark = pytest.mark.slow

AT_ONCE = [1, 7, 1000]
SCHEDULES: dict[str, dict[str, Any]] = {
    "plateau": {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "patience": 0, "threshold": 0.9},
    "one cycle": {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "interval": "step"},
    "warm-up": {
        "_target_": "torch.optim.lr_scheduler.LinearLR",
        "interval": "step",
        "start_factor": 0.01,
        "total_iters": 12,
    },
    "cosine by epoch": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "interval": "epoch", "T_max": 3},
    "steps by epoch": {
        "_target_": "torch.optim.lr_scheduler.StepLR",
        "interval": "epoch",
        "step_size": 1,
        "gamma": 0.5,
    },
}


@pytest.mark.parametrize("at_once", AT_ONCE)
def test_plain_steps(at_once: int) -> None:
    assert_same_steps(train(True, at_once=at_once), train(False))


@pytest.mark.parametrize("at_once", AT_ONCE)
@pytest.mark.parametrize("number", [2, 7, 1000])  # 7: the last step of an epoch takes six batches
def test_accumulation_with_a_partial_last_window(number: int, at_once: int) -> None:
    settings: dict[str, Any] = {"accumulate_grad_batches": number}
    engine, lightning = train(True, at_once=at_once, **settings), train(False, **settings)
    assert_same_steps(engine, lightning)
    assert engine.trainer.global_step == 3 * -(-20 // number)


@pytest.mark.parametrize("at_once", [1, 18])
@pytest.mark.parametrize("schedule", [{0: 2, 1: 7}, {1: 3}, {2: 100}])
def test_accumulation_by_epoch(schedule: dict[int, int], at_once: int) -> None:
    engine = train(True, at_once=at_once, accumulate_grad_batches=schedule)
    assert_same_steps(engine, train(False, GradientAccumulationScheduler(dict(schedule))))
    assert engine.trainer.accumulate_grad_batches == {0: 1, **schedule}  # type: ignore[comparison-overlap]  # as given


@pytest.mark.parametrize("at_once", AT_ONCE)
@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_clip_val": 0.5},
        {"gradient_clip_val": 0.05, "gradient_clip_algorithm": "value"},
        {"gradient_clip_val": 0.5, "accumulate_grad_batches": 7},
    ],
    ids=str,
)
def test_clipping(settings: dict[str, Any], at_once: int) -> None:
    engine, lightning = train(True, at_once=at_once, **settings), train(False, **settings)
    assert_same_steps(engine, lightning)
    assert engine.weights != train(True, accumulate_grad_batches=settings.get("accumulate_grad_batches", 1)).weights


@pytest.mark.parametrize("number", [1, 7])
@pytest.mark.parametrize("at_once", [1, 18])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule: str, at_once: int, number: int) -> None:
    settings: dict[str, Any] = {"scheduler": SCHEDULES[schedule], "accumulate_grad_batches": number}
    engine, lightning = train(True, at_once=at_once, **settings), train(False, **settings)
    assert_same_steps(engine, lightning)
    assert len({str(rates) for _, rates in engine.steps}) > 1
    states = [exactly(run.trainer.lr_scheduler_configs[0].scheduler.state_dict()) for run in (engine, lightning)]
    assert states[0] == states[1]


@pytest.mark.parametrize("logging_interval", ["step", "epoch", None])
@pytest.mark.parametrize("schedule", ["one cycle", "steps by epoch"])
def test_learning_rate_monitor(schedule: str, logging_interval: Any) -> None:
    def run(stepped: bool) -> Run:
        return train(
            stepped, LearningRateMonitor(logging_interval), scheduler=SCHEDULES[schedule], log_every_n_steps=10
        )

    engine, lightning = run(True), run(False)
    assert_same_steps(engine, lightning)
    assert engine.lr() == lightning.lr() != []


@pytest.mark.parametrize("at_once", [1, 18])
def test_exponential_moving_average(at_once: int) -> None:
    engine, lightning = (
        train(stepped, EMAWeightAveraging(decay=0.9, update_every_n_steps=3), at_once=at_once)
        for stepped in (True, False)
    )
    assert_same_steps(engine, lightning)
    assert engine.weights != engine.steps[-1][0], "the fit ends with the averages"


@pytest.mark.filterwarnings("ignore:.*SWA is currently only supported every epoch")
@pytest.mark.parametrize("at_once", [1, 18])
@pytest.mark.parametrize("schedule", [None, "steps by epoch", "one cycle"])
def test_stochastic_weight_averaging(schedule: str | None, at_once: int) -> None:
    def run(stepped: bool) -> Run:
        averaging = StochasticWeightAveraging(0.001, swa_epoch_start=2, annealing_epochs=2)
        scheduler = SCHEDULES[schedule] if schedule else None
        return train(stepped, averaging, at_once=at_once, scheduler=scheduler, max_epochs=6)

    engine, lightning = run(True), run(False)
    assert_same_steps(engine, lightning)
    assert engine.steps[-1][1] != engine.steps[0][1], "the averaging's schedule has replaced the fit's"
    assert engine.weights != engine.steps[-1][0], "the fit ends with the averages"


@pytest.mark.parametrize("number", [1, 7])
def test_model_checkpoint_every_n_steps(own_folder: Path, number: int) -> None:
    def run(stepped: bool) -> Run:
        folder = own_folder / str(stepped)
        checkpoint = ModelCheckpoint(folder, "{step}", every_n_train_steps=7, save_top_k=-1)
        return train(stepped, checkpoint, accumulate_grad_batches=number)

    assert_same_steps(run(True), run(False))
    names = [sorted(path.name for path in (own_folder / str(stepped)).iterdir()) for stepped in (True, False)]
    assert names[0] == names[1] != []
    for name in names[0]:
        saved = [torch.load(own_folder / str(stepped) / name, weights_only=True) for stepped in (True, False)]
        assert exactly(saved[0]["state_dict"]) == exactly(saved[1]["state_dict"]), name
        assert exactly(saved[0]["optimizer_states"]) == exactly(saved[1]["optimizer_states"]), name


def test_model_checkpoint_by_the_clock(own_folder: Path) -> None:
    def names(stepped: bool) -> list[str]:
        folder = own_folder / str(stepped)
        train(stepped, ModelCheckpoint(folder, "{step}", train_time_interval=timedelta(0), save_top_k=-1), max_epochs=1)
        return sorted(path.name for path in folder.iterdir())

    assert len(names(False)) == 20, "Lightning's loop saves after each batch"
    assert names(True) == ["step=18.ckpt", "step=20.ckpt"], "the engine after each group"


@pytest.mark.parametrize("at_once", AT_ONCE)
@pytest.mark.parametrize("number", [1, 7])
@pytest.mark.parametrize("max_steps", [1, 13])
def test_max_steps_inside_a_group(max_steps: int, number: int, at_once: int) -> None:
    settings: dict[str, Any] = {"max_steps": max_steps, "accumulate_grad_batches": number, "max_epochs": -1}
    engine, lightning = train(True, at_once=at_once, **settings), train(False, **settings)
    assert_same_steps(engine, lightning)
    assert "val/loss" not in engine.trainer.callback_metrics or number > 1


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
@pytest.mark.parametrize("at_once", [1, 18])
@pytest.mark.parametrize("cut", [5, 50])
@pytest.mark.parametrize("schedule", ["warm-up", "plateau"])
def test_resume_in_mid_group(own_folder: Path, schedule: str | None, cut: int, at_once: int) -> None:
    """A fit resumes from Lightning's own checkpoint, saved within a group, with groups of another size."""
    settings: dict[str, Any] = {"scheduler": SCHEDULES[schedule] if schedule else None}
    whole = train(True, **settings)
    checkpoint = ModelCheckpoint(own_folder, "{step}", every_n_train_steps=cut, save_top_k=-1)
    train(True, checkpoint, max_steps=cut + 2, **settings)
    (saved,) = own_folder.glob("*.ckpt")
    resumed = train(True, at_once=at_once, ckpt_path=saved, **settings)
    assert resumed.steps == whole.steps[cut:]
    assert resumed.weights == whole.weights
    assert_same_steps(whole, train(False, **settings))


def test_batch_norm_with_several_steps_at_once() -> None:
    assert_same_steps(train(True, batch_norm=True), train(False, batch_norm=True))


def test_lightning_passes_groups_to_callbacks() -> None:
    class Sizes(Callback):
        takes_groups = True

        def __init__(self) -> None:
            self.sizes: list[int] = []

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            assert isinstance(batch, StepGroup)
            self.sizes.append(len(batch))

    sizes = Sizes()
    train(True, sizes, at_once=40, batches=BATCHES | {"repeat": 25}, max_steps=150, log_every_n_steps=50)
    assert sizes.sizes == [40, 10, 40, 10, 40, 10]
