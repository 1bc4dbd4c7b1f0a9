"""Bytes of optimizers' states, beside what their formulas keep for each parameter."""

from collections.abc import Callable

import pytest
import torch
from pytorch_optimizer import Prodigy
from torch import nn
from torch.optim import Optimizer

from gradexp.engine.optimizer_state import state_bytes

STEP = 4  # Adam counts its steps for each tensor, in single precision


@pytest.mark.parametrize(
    ("build", "numbers", "more"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.1), 0, 0),
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), 1, 0),
        (lambda p: torch.optim.Adam(p, lr=0.1), 2, 2 * STEP),
        (lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True), 3, 2 * STEP),
        (lambda p: torch.optim.Adagrad(p, lr=0.1), 1, 2 * STEP),
        (lambda p: Prodigy(p, lr=1.0), 4, 0),
    ],
)  # fmt: skip
def test_the_state_of_an_optimizer(build: Callable[..., Optimizer], numbers: int, more: int) -> None:
    network = nn.Linear(5, 3)
    optimizer = build(network.parameters())
    network(torch.ones(2, 5)).sum().backward()
    optimizer.step()
    expected = numbers * 4 * (5 * 3 + 3) + more
    assert expected <= state_bytes([optimizer]) <= expected + 16  # numbers of a class's own


def test_nested_tensors_count_once_and_several_optimizers_are_added() -> None:
    weight = nn.Parameter(torch.ones(10))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    shared = torch.ones(7, dtype=torch.float64)
    optimizer.state[weight] = {"history": [shared, [torch.ones(3)]], "again": (shared,), "number": 4}
    assert state_bytes([optimizer]) == 7 * 8 + 3 * 4
    assert state_bytes([optimizer, optimizer]) == 7 * 8 + 3 * 4, "the same tensors"
    assert state_bytes([]) == 0
