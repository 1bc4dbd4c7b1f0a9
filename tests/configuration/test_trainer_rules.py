"""The rules of Lightning's arguments follow what Lightning has."""

import re

import pytest
from lightning.pytorch.strategies import StrategyRegistry

from gradexp.configuration.trainer_rules import TRAINER_RULES
from gradexp.sweeps.launch import resources


def test_all_strategies_of_lightning_that_run_the_command_again_are_valid() -> None:
    names = StrategyRegistry.available_strategies()
    assert len(names) > 10
    valid = {name for name in names if TRAINER_RULES["strategy"].holds(name)}
    assert set(names) - valid == {name for name in names if re.search("fork|spawn|notebook", name)}
    assert TRAINER_RULES["strategy"].holds("auto")


def test_a_tpu_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, object] = {}
    monkeypatch.setattr(resources, "find_spec", found.get)
    assert not resources.may_have("tpu")
    found["torch_xla"] = object()
    assert resources.may_have("tpu")
