"""YAML of configurations: what OmegaConf writes and reads."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from gradexp.configuration.yaml_text import to_yaml

VALUES: tuple[Any, ...] = (
    "", "plain", "y", "No", "on", "null", "~", "1e-3", "1_000", "0x1f", ".5", "nan", "inf", "2026-11-26", "12:30",
    "a: b", "- a", "#", "two\nlines\n", "trailing ", "ümläut", "\U0001f600", "file\udcff", "${oc.env:HOME}", "'", '"',
    "\t", "a" * 200, "x y " * 60, None, True, 1, 1.5, 1e-5, float("inf"), [], [1, "1"], {}, {"a": {"b": ["y", 1e-3]}},
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_values_are_read_as_they_were(value: Any) -> None:
    cfg = OmegaConf.create({"key": value})
    assert OmegaConf.create(to_yaml(cfg)) == cfg
    if len(str(value)) < 60 and str(value).isascii():  # libyaml folds and escapes in its own way
        assert to_yaml(cfg) == OmegaConf.to_yaml(cfg)


def test_interpolations_are_kept_or_resolved() -> None:
    cfg = OmegaConf.create({"lr": 0.1, "other": "${lr}"})
    assert to_yaml(cfg) == "lr: 0.1\nother: ${lr}\n"
    assert to_yaml(cfg, resolve=True) == "lr: 0.1\nother: 0.1\n"
