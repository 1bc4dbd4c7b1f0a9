"""Saved states of another kind than those of the objects that are to load them, which believe anything."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adafactor, Adam, AdamW, NAdam, Optimizer, RMSprop, lr_scheduler

from gradexp.engine.saved_states import mismatch, wrong_optimizer

OPTIMIZERS: list[type[Optimizer]] = [SGD, Adam, AdamW, NAdam, RMSprop, Adafactor, LBFGS]


@pytest.mark.parametrize(
    ("saved", "own", "words"),
    [
        ("x", 1.0, "key is 'x', not a number"),
        (None, 1.0, "key is None, not a number"),
        ({"a": {"b": []}}, {"a": {"b": 3}}, "key.a.b is [], not a number"),
        (3, "max", "key is a int, not a str"),
        ([1], {"a": 1}, "key is a list, not a dict"),
        ([1.0], [1.0, 2.0], "key has 1 parts, not 2"),
        ([1.0, "x"], (1.0, 2.0), "key.1 is 'x', not a number"),
        (torch.ones(3), 1.0, "not a number"),
        (1, False, "key is 1, not a number"),
    ],
)
def test_a_state_of_another_kind_is_named(saved: Any, own: Any, words: str) -> None:
    assert words in mismatch(saved, own, "key")


@pytest.mark.parametrize(
    ("saved", "own"),
    [
        (torch.tensor(0.5), 1.0), (1, 1.0), (3.0, torch.tensor(1.0)), ("x", None), ({"a": 1, "new": "x"}, {"a": 2.0}),
        ({}, {"a": 2.0}), ([1, "x"], []), ({"x": [1]}, {}), (None, True), ([0.9, 0.99], (0.8, 0.9)),
        (float("inf"), 0.0),
    ],
)  # fmt: skip
def test_a_state_of_the_same_kind_passes(saved: Any, own: Any) -> None:
    assert mismatch(saved, own, "key") == ""


def test_counters_are_whole_and_have_no_further_names() -> None:
    own = {"total": {"ready": 0, "done": 0}, "is_last": False}
    assert mismatch({"total": {"ready": 3, "done": 2}, "is_last": True}, own, "loops", counts=True) == ""
    for wrong in ({"ready": -1}, {"ready": 0.5}, {"ready": None}, {"ready": 2**70}, {"ready": 1, "reset": 1}):
        assert mismatch({"total": wrong}, own, "loops", counts=True).startswith("loops.total")


def trained(cls: type[Optimizer], scheduled: bool = False) -> Optimizer:
    layer = nn.Linear(3, 2)
    optimizer: Any = cls(layer.parameters(), lr=0.1)  # type: ignore[call-arg]  # every one of these takes it
    schedule = lr_scheduler.StepLR(optimizer, 1) if scheduled else None

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = layer(torch.ones(4, 3)).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]  # as torch has no types here
        return loss

    for _ in range(2):
        optimizer.step(closure)
        if schedule is not None:
            schedule.step()
    return optimizer  # type: ignore[no-any-return]


@pytest.mark.parametrize("cls", OPTIMIZERS)
@pytest.mark.parametrize("scheduled", [False, True])
def test_the_state_of_an_optimizer_that_has_stepped_passes(cls: type[Optimizer], scheduled: bool) -> None:
    optimizer = trained(cls, scheduled)
    again = trained(cls, scheduled)
    again.load_state_dict(optimizer.state_dict())
    assert wrong_optimizer(again, "optimizer_states.0") == ""
    own = again.state_dict()["param_groups"]
    assert mismatch(optimizer.state_dict()["param_groups"], own, "groups") == ""


def test_a_state_with_another_shape_or_without_a_part_is_named() -> None:
    optimizer = trained(Adam)
    bias = list(optimizer.state)[1]
    optimizer.state[bias]["exp_avg"] = torch.ones(5)
    assert wrong_optimizer(optimizer, "o") == "o.state.1.exp_avg is [5], its parameter [2]"
    optimizer.state[bias]["exp_avg"] = 3.0
    assert wrong_optimizer(optimizer, "o") == "o.state.1.exp_avg is a float"
    del optimizer.state[bias]["exp_avg"]
    assert wrong_optimizer(optimizer, "o") == "o.state.1 lacks exp_avg"
