"""Several steps at once end as the same number of single steps, bit for bit."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from gradexp.data import BatchOrder, Points
from gradexp.models import LinearRegression
from gradexp.models.abstract_module import SGD
from gradexp.objective.optimizers import build_optimizer
from tests.engine.several_steps import (
    EPOCHS,
    GROUP_SIZE,
    TRAIN,
    Logged,
    assert_equal_to_single_steps,
    data,
    exactly,
    fit,
    trainer_for,
)
from tests.options import option, options

pytestmark = pytest.mark.slow


def settings(group: str, name: str, **changed: Any) -> dict[str, Any]:
    return option(group, name) | changed


@pytest.mark.parametrize("epoch", ["full batches", "ragged last batches"])
@pytest.mark.parametrize("option", options("optimizer"))
def test_every_configured_optimizer_ends_as_with_single_steps(option: str, epoch: str) -> None:
    optimizer = settings("optimizer", option, **({"max_iter": 4} if option == "lbfgs" else {}))
    several, single = (fit(number, epoch=EPOCHS[epoch], optimizer=optimizer) for number in (GROUP_SIZE, 1))
    assert_equal_to_single_steps(several, single)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_every_kind_of_batch_ends_as_with_single_steps(epoch: str) -> None:
    assert_equal_to_single_steps(*(fit(number, epoch=EPOCHS[epoch]) for number in (GROUP_SIZE, 1)))


@pytest.mark.parametrize(("l1", "l2"), [(0.01, 0.0), (0.0, 0.02), (0.01, 0.02)])
def test_penalties_end_as_with_single_steps(l1: float, l2: float) -> None:
    several, single = (fit(number, epoch=EPOCHS["ragged last batches"], l1=l1, l2=l2) for number in (GROUP_SIZE, 1))
    assert single.metrics["train/penalty"] > 0
    assert_equal_to_single_steps(several, single)


def short(option: str) -> dict[str, Any]:
    """A schedule that changes the rate within three epochs."""
    changed: dict[str, dict[str, Any]] = {"step": {"step_size": 1}, "plateau": {"patience": 0, "threshold": 0.9}}
    return settings("scheduler", option, **changed.get(option, {}))


SCHEDULES = [option for option in options("scheduler") if option != "none"]


@pytest.mark.parametrize("monitor", ["val/loss", "train/loss"])
@pytest.mark.parametrize("max_steps", [-1, 40])
@pytest.mark.parametrize("option", SCHEDULES)
def test_every_configured_schedule_ends_as_with_single_steps(option: str, max_steps: int, monitor: str) -> None:
    limits = {"max_epochs": 3, "max_steps": max_steps}
    several, single = (fit(n, trainer=limits, scheduler=short(option), monitor=monitor) for n in (GROUP_SIZE, 1))
    assert several.data.steps_at_once == GROUP_SIZE
    assert several.state == single.state
    assert several.state["optimizer"]["param_groups"][0]["lr"] != 0.05, "the schedule did nothing"
    rest = single.metrics.keys() - {"lr"}
    assert {name: several.metrics[name] for name in rest} == {name: single.metrics[name] for name in rest}


@pytest.mark.parametrize("option", SCHEDULES)
def test_a_schedule_ends_as_with_single_steps_within_an_epoch(option: str) -> None:
    limits = {"max_epochs": 3, "max_steps": 50}
    several, single = (fit(number, trainer=limits, scheduler=short(option)) for number in (GROUP_SIZE, 1))
    assert several.data.steps_at_once == GROUP_SIZE
    assert several.state == single.state


@pytest.mark.parametrize("interval", [{"check_val_every_n_epoch": 2}, {"check_val_every_n_epoch": 3}])
def test_a_plateau_schedule_that_waits_for_validations_ends_as_with_single_steps(interval: dict[str, Any]) -> None:
    several, single = (
        fit(n, trainer={"max_epochs": 6} | interval, scheduler=short("plateau")) for n in (GROUP_SIZE, 1)
    )
    assert several.state == single.state


def test_a_schedule_gives_no_warning() -> None:
    fit(GROUP_SIZE, scheduler=short("cosine"))


@pytest.mark.parametrize(
    ("monitor", "scheduler", "trainer", "message"),
    [
        ("val/mes", {}, {}, "monitor_mode must be max or min for ReduceLROnPlateau, which watches 'val/mes'"),
        ("val/mes", {"mode": "min"}, {}, "monitor must be one of .*val/mse.*; got 'val/mes'"),
        ("val/loss", {"interval": "step"}, {}, "scheduler.interval must be epoch for ReduceLROnPlateau.*'step'"),
        ("val/loss", {}, {"check_val_every_n_epoch": 3}, "monitor must be one of .*train/loss.*; got 'val/loss'"),
        ("val/loss", {}, {"limit_val_batches": 0}, "monitor must be one of .*train/loss.*; got 'val/loss'"),
    ],
)
def test_a_plateau_schedule_without_its_metric_is_refused(
    monitor: str, scheduler: dict[str, Any], trainer: dict[str, Any], message: str
) -> None:
    plateau = settings("scheduler", "plateau", **scheduler)
    with pytest.raises(ValueError, match=message):
        fit(GROUP_SIZE, monitor=monitor, scheduler=plateau, trainer=trainer)


@pytest.mark.parametrize("batch_size", [1, 8, None])
def test_an_epoch_that_the_group_size_does_not_divide_ends_as_with_single_steps(batch_size: int | None) -> None:
    epoch = {"batch_size": batch_size, "repeat": 3, "num_samples": TRAIN + 9}  # of 29 samples: 87, 12 and 3 steps
    several, single = (fit(number, epoch=epoch, trainer={"max_epochs": 5}) for number in (GROUP_SIZE, 1))
    assert_equal_to_single_steps(several, single)


@pytest.mark.parametrize("shuffle", [True, False])
def test_shuffling_ends_as_with_single_steps(shuffle: bool) -> None:
    ends = []
    for steps_per_execution in (GROUP_SIZE, 1):
        torch.manual_seed(0)
        inputs = [[number / 10, -number % 7] for number in range(10)]
        points = Points(
            inputs,
            [float(number) for number in range(10)],
            batch_size=3,
            repeat=5,
            steps_per_execution=steps_per_execution,
            shuffle=shuffle,
        )
        module = LinearRegression(2, optimizer={"_target_": "torch.optim.SGD", "lr": 0.01})
        trainer_for(Logged()).fit(module, datamodule=points)
        ends.append(exactly(module.state_dict()))
    assert ends[0] == ends[1]


def take_steps(
    line: torch.nn.Linear, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor, batches: Sequence[Tensor]
) -> None:
    """A plain training loop."""
    for batch in batches:
        optimizer.zero_grad()
        F.mse_loss(line(inputs[batch]), targets[batch]).backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()


@pytest.mark.parametrize("option", ["momentum", "adam"])
def test_a_fit_equals_a_loop_in_plain_torch(option: str) -> None:
    result = fit(GROUP_SIZE, epoch=EPOCHS["ragged last batches"], optimizer=settings("optimizer", option))
    inputs, targets = result.data.sample(TRAIN)
    torch.manual_seed(0)
    line = torch.nn.Linear(2, 1)
    optimizer = build_optimizer(line.parameters(), settings("optimizer", option))
    for number in range(2 * EPOCHS["ragged last batches"]["repeat"]):
        order = BatchOrder(TRAIN, 8, seed=0)
        order.set_epoch(number)
        take_steps(line, optimizer, inputs, targets, order.batches())
    assert result.state["weights"] == {f"network.{name}": exactly(value) for name, value in line.state_dict().items()}


def test_the_module_takes_lists_from_a_torch_dataloader() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(20, 2, generator=generator), torch.randn(20, 1, generator=generator)
    loader: Any = DataLoader(TensorDataset(inputs, targets), batch_size=5)
    assert isinstance(next(iter(loader)), list)
    # With batch_size 2 a batch has as many samples as tensors; the list must not be mistaken for a list of batches.
    for batch_size, steps in ((5, 4), (2, 10)):
        loader = DataLoader(TensorDataset(inputs, targets), batch_size=batch_size)
        torch.manual_seed(0)
        module = LinearRegression(2)
        trainer = trainer_for(Logged(), max_epochs=1)
        trainer.fit(module, loader, loader)
        assert trainer.global_step == steps
        torch.manual_seed(0)
        line = torch.nn.Linear(2, 1)
        take_steps(
            line, build_optimizer(line.parameters(), SGD), inputs, targets, torch.split(torch.arange(20), batch_size)
        )
        assert exactly(list(module.parameters())) == exactly(list(line.parameters()))


def test_a_module_takes_single_steps_after_a_fit_with_groups() -> None:
    module = fit(GROUP_SIZE).module
    weights = exactly(module.state_dict())
    tensors = TensorDataset(torch.ones(8, 2), torch.ones(8, 1))
    trainer_for(Logged(), max_epochs=1).fit(module, DataLoader(tensors, 4), DataLoader(tensors, 4))
    assert exactly(module.state_dict()) != weights


@pytest.mark.parametrize("limits", [{"gradient_clip_val": 1.0}, {"accumulate_grad_batches": 2}])
def test_a_module_clips_and_accumulates_after_a_fit_with_groups(limits: dict[str, Any]) -> None:
    module = fit(GROUP_SIZE).module
    trainer = trainer_for(Logged(), **limits)
    trainer.fit(module, datamodule=data(GROUP_SIZE))
    assert trainer.global_step > 0
