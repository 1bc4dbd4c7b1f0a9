"""The numbers that keys have by default: from files, and from the sources of classes."""

import inspect
from typing import Any

import pytest
import pytorch_optimizer
import torch
from omegaconf import OmegaConf

from gradexp.sweeps.launch.default_number import default_number


def number(section: dict[str, Any], key: str = "optimizer.lr") -> float:
    return default_number(OmegaConf.create({"optimizer": section, "name": "made"}), key)


@pytest.mark.parametrize(
    ("target", "cls"),
    [
        ("torch.optim.NAdam", torch.optim.NAdam),
        ("torch.optim.Rprop", torch.optim.Rprop),
        ("pytorch_optimizer.Prodigy", pytorch_optimizer.Prodigy),
    ],
)
def test_a_class_has_the_default_of_its_constructor(target: str, cls: Any) -> None:
    assert number({"_target_": target}) == inspect.signature(cls).parameters["lr"].default


def test_what_is_in_the_section_comes_first() -> None:
    assert number({"_target_": "torch.optim.NAdam", "lr": 0.5}) == 0.5
    assert number({"_target_": "torch.optim.NAdam", "weight_decay": 2}, "optimizer.weight_decay") == 2.0


@pytest.mark.parametrize(
    ("section", "key", "message"),
    [
        (
            {"_target_": "torch.optim.NAdam"},
            "optimizer.rate",
            "optimizer.rate is not an argument of NAdam, which takes lr",
        ),
        ({"_target_": "torch.optim.NAdam"}, "optimizer.weight_decay", "has a number by default.*NAdam is 0.* Type"),
        ({"_target_": "torch.optim.NAdam"}, "optimizer.betas", "the default of torch.optim.NAdam is"),
        ({"_target_": "torch.optim.None"}, "optimizer.lr", "the default of torch.optim.None is None"),
        ({"_target_": None}, "optimizer.lr", "sweep.axes.optimizer.lr must be of a key that has a number by default"),
        ({}, "name", "the default is made"),
        ({}, "nothing", "the default is None"),
    ],
)
def test_a_key_without_a_number_is_refused(section: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        number(section, key)
