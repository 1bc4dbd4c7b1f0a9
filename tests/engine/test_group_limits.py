"""Logs, limits, accumulation and stops with several steps at once, and when a fit takes single steps."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping

from gradexp.models import LinearRegression
from tests.engine.several_steps import (
    EPOCHS,
    GROUP_SIZE,
    Logged,
    assert_equal_to_single_steps,
    data,
    exactly,
    fit,
    trainer_for,
)


@pytest.mark.parametrize(
    ("steps_per_execution", "log_every_n_steps", "max_steps"),
    [
        (10, 10, -1),
        (10, 2, -1),
        (10, 14, -1),
        (10, 1, -1),
        (10, 10, 40),  # ends with an epoch
        (10, 10, 46),
        (10, 10, 27),
        (7, 21, 34),
        (1000, 10, -1),
        (1000, 10, 21),
    ],
)
def test_log_intervals_and_max_steps_work_within_groups(
    steps_per_execution: int, log_every_n_steps: int, max_steps: int
) -> None:
    limits = {"log_every_n_steps": log_every_n_steps, "max_steps": max_steps}
    several, single = (fit(number, trainer=limits) for number in (steps_per_execution, 1))
    assert several.data.steps_at_once == steps_per_execution
    assert several.state == single.state
    assert several.logged.entries == single.logged.entries
    assert several.trainer.global_step == (40 if max_steps < 0 else min(max_steps, 40))


@pytest.mark.parametrize("max_steps", [7, 20, 30, 40])
def test_a_fit_with_unlimited_epochs_ends_at_max_steps(max_steps: int) -> None:
    limits = {"max_epochs": -1, "max_steps": max_steps}
    several, single = (fit(number, trainer=limits) for number in (GROUP_SIZE, 1))
    assert several.trainer.global_step == max_steps
    assert several.state == single.state


@pytest.mark.parametrize(
    "limits",
    [
        {"accumulate_grad_batches": 2},
        {"accumulate_grad_batches": 7},  # the last step of the 20 batches has six
        {"accumulate_grad_batches": {0: 3, 1: 7}, "max_epochs": 3},
        {"accumulate_grad_batches": 7, "max_steps": 5},
        {"gradient_clip_val": 0.1},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
    ],
    ids=str,
)
def test_gradients_are_accumulated_and_clipped_within_a_group(limits: dict[str, Any]) -> None:
    several, single = (fit(number, trainer=limits) for number in (GROUP_SIZE, 1))
    assert_equal_to_single_steps(several, single)
    assert several.state["weights"] != fit(1).state["weights"]


def test_streamed_and_augmented_data_take_single_steps() -> None:
    plain = fit(1, epoch=EPOCHS["ragged last batches"]).state["weights"]
    for change in ({"memory_limit": 0.0}, {"augment": torch.clone}):
        torch.manual_seed(0)
        changed = data(GROUP_SIZE, **EPOCHS["ragged last batches"])
        for name, value in change.items():
            setattr(changed, name, value)
        module = LinearRegression(2, optimizer={"_target_": "torch.optim.SGD", "lr": 0.05})
        trainer_for(Logged()).fit(module, datamodule=changed)
        assert changed.steps_at_once == 1
        assert exactly(module.state_dict()) == plain


def test_several_processes_take_single_steps() -> None:
    changed = data(GROUP_SIZE)
    changed.setup("fit")
    alone: dict[str, Any] = {"world_size": 1, "global_rank": 0, "max_steps": -1, "log_every_n_steps": GROUP_SIZE}
    alone |= {"overfit_batches": 0.0, "limit_train_batches": 1.0, "val_check_interval": 1.0, "callbacks": []}
    alone |= {"lightning_module": LinearRegression(2), "datamodule": changed}
    alone["lightning_module"].automatic_optimization = False  # as in a fit
    alone["strategy"] = SimpleNamespace(root_device=torch.device("cpu"))
    for world_size, together in ((1, GROUP_SIZE), (2, 1)):
        changed.trainer = SimpleNamespace(**(alone | {"world_size": world_size}))  # type: ignore[assignment]
        assert changed.steps_at_once == together


def test_a_data_module_without_a_trainer_takes_single_steps() -> None:
    alone = data(GROUP_SIZE, **EPOCHS["full batches"])
    alone.setup("fit")
    assert alone.steps_at_once == 1
    assert len(alone.train_dataloader()) == 20


@pytest.mark.parametrize("monitor", ["val/loss", "train/loss"])
def test_early_stopping_ends_the_fit_in_the_same_epoch(monitor: str) -> None:
    ends = []
    for number in (GROUP_SIZE, 1):
        stopping = EarlyStopping(
            monitor, patience=1, min_delta=0.1, check_on_train_epoch_end=monitor.startswith("train/")
        )
        ends.append(fit(number, stopping, trainer={"max_epochs": 50}))
    assert 1 < ends[1].trainer.current_epoch < 49
    assert_equal_to_single_steps(*ends)


@pytest.mark.parametrize(
    "limits",
    [
        {"limit_train_batches": 2},
        {"overfit_batches": 2},
        {"val_check_interval": 10},
        {
            "limit_train_batches": 0.5,
            "scheduler": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "interval": "step"},
        },
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_limits_in_batches_give_the_weights_of_single_steps(limits: dict[str, Any]) -> None:
    scheduler = {"scheduler": limits["scheduler"]} if "scheduler" in limits else {}
    trainer = {name: value for name, value in limits.items() if name != "scheduler"}
    several, single = (fit(number, trainer=trainer, **scheduler) for number in (GROUP_SIZE, 1))
    assert several.state == single.state
