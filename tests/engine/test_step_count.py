"""The number of steps of a fit, and events every n steps."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gradexp.engine.accumulation import Accumulation, total_epochs, total_steps
from gradexp.engine.interval import Interval
from gradexp.engine.step_groups import StepGroup, single_batches
from tests.engine.several_steps import EPOCHS, GROUP_SIZE, fit


class Note(Callback):
    """Records `total_steps` and `total_epochs` at the start of a fit, and counts the epochs that begin."""

    def __init__(self) -> None:
        self.total = self.epochs = 0.0
        self.begun = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.total, self.epochs = total_steps(trainer), total_epochs(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.begun += 1


@pytest.mark.parametrize("steps_per_execution", [GROUP_SIZE, 1])
@pytest.mark.parametrize(
    ("limits", "total"),
    [
        ({"max_epochs": 3}, 60),
        ({"max_epochs": 3, "max_steps": 30}, 30),
        ({"max_epochs": 1, "max_steps": 30}, 20),
        ({"max_epochs": -1, "max_steps": 30}, 30),
        ({"max_epochs": 9, "max_steps": 40}, 40),
        ({"max_epochs": 9, "max_steps": 41}, 41),
        ({"max_epochs": -1, "accumulate_grad_batches": {1: 7, 3: 12}, "max_steps": 31}, 31),
        ({"max_epochs": 1, "accumulate_grad_batches": 4}, 5),
        ({"max_epochs": 1, "accumulate_grad_batches": 7}, 3),
        ({"max_epochs": 4, "accumulate_grad_batches": {1: 7, 3: 12}}, 20 + 3 + 3 + 2),
        ({"max_epochs": 4, "accumulate_grad_batches": {1: 7, 3: 12}, "max_steps": 24}, 24),
        ({"max_epochs": 3, "limit_train_batches": 1}, 3),
    ],
)
def test_total_steps_and_epochs_are_those_of_the_fit(
    limits: dict[str, Any], total: int, steps_per_execution: int
) -> None:
    note = Note()
    result = fit(steps_per_execution, note, trainer=limits)
    assert note.total == total == result.trainer.global_step
    assert note.epochs == note.begun


def test_total_steps_counts_ragged_batches_of_all_repeats() -> None:
    for passes, total in ((1, 4), (7, 28), (25, 100)):
        note = Note()
        fit(GROUP_SIZE, note, epoch=EPOCHS["ragged last batches"] | {"repeat": passes}, trainer={"max_epochs": 1})
        assert note.total == total


def test_a_fit_without_end_has_infinitely_many_steps() -> None:
    class Stop(Note):
        def on_train_batch_end(self, trainer: Trainer, *arguments: Any, **keywords: Any) -> None:
            trainer.should_stop = True

    for number in (GROUP_SIZE, 1):
        note = Stop()
        fit(number, note, trainer={"max_epochs": -1})
        assert note.epochs == float("inf")
        assert note.total == float("inf")


def test_accumulation_by_epoch_gives_steps_and_batches() -> None:
    accumulation = Accumulation({2: 3, 4: 1})
    assert [accumulation.batches_per_step(epoch) for epoch in range(6)] == [1, 1, 3, 3, 1, 1]
    assert [accumulation.steps(epochs, 10) for epochs in range(6)] == [0, 10, 20, 24, 28, 38]
    # The batches that complete steps of epochs 0, 1, 2 (where steps end with batches 3, 6, 9 and 10), 3 and 4.
    assert [accumulation.batch_of_step(step, 10) for step in (1, 10, 11, 20, 21, 23, 24, 25, 28, 29, 48)] == [
        *(1, 10, 1, 10, 3, 9, 10, 3, 10, 1, 10)
    ]


def test_the_batch_of_a_step_equals_a_count_over_all_batches() -> None:
    for setting in ({0: 3, 1: 4, 5: 2}, {0: 7}, {3: 100}):
        accumulation = Accumulation(setting)
        ends = [
            batch
            for epoch in range(12)
            for batch in range(1, 11)
            if batch % accumulation.batches_per_step(epoch) == 0 or batch == 10
        ]
        assert [accumulation.batch_of_step(step, 10) for step in range(1, len(ends) + 1)] == ends
        assert accumulation.steps(12, 10) == len(ends)


def test_an_interval_is_over_at_each_multiple() -> None:
    interval = Interval(3)
    assert [step for step in range(1, 13) if interval.is_over(step)] == [3, 6, 9, 12]


def test_an_interval_is_over_once_after_several_multiples() -> None:
    interval = Interval(3)
    assert [step for step in (2, 4, 5, 11, 12, 12, 14) if interval.is_over(step)] == [4, 11, 12]
    assert not interval.is_over(14)


def test_an_interval_started_within_a_fit_keeps_the_same_multiples() -> None:
    for interval in (Interval(5, done=7), Interval(5)):
        interval.start(7)
        assert [step for step in range(8, 21) if interval.is_over(step)] == [10, 15, 20]


def test_a_pair_or_list_of_tensors_is_a_single_batch() -> None:
    inputs, targets = torch.zeros(2, 3), torch.zeros(2)
    for pair in ((inputs, targets), [inputs, targets]):
        assert [each is pair for each in single_batches(pair)] == [True]
    several = StepGroup([(inputs, targets), (inputs, targets)])
    assert single_batches(several) is several
