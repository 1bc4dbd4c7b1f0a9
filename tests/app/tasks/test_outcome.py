"""The facts about the data that metrics.json holds."""

from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from gradexp.app.tasks.outcome import facts


@pytest.mark.parametrize(
    ("classes", "name", "expected"),
    [
        (0, "price", {"target_std": 2.0, "target_name": "price"}),
        (0, "", {"target_std": 2.0}),
        (3, "species", {"classes": 3}),
    ],
)
def test_the_targets_name_is_that_of_a_regression(classes: int, name: str, expected: dict[str, Any]) -> None:
    data: Any = SimpleNamespace(sizes=lambda: {"train": 8}, num_classes=classes, target_std=2.0, target_name=name)
    model: Any = nn.Linear(2, 1)
    assert facts(data, model) == {"data": "SimpleNamespace", "samples/train": 8, "parameters": 3, **expected}
