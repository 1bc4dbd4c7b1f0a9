"""Which arguments of loggers and callbacks name places."""

import pytest
import yaml

from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.places import place_arguments
from gradexp.configuration.values import flat

PLACES = {
    "logger.x.save_dir": ("/evil", "evil", "memory://evil", ""),
    "logger.x.name": ("", "..", "../x", "a\\b", "~"),
    "logger.x.version": ("", "a/b"),
    "logger.x.tracking_uri": ("localhost",),
    "callbacks.x.dirpath": ("evil", "/evil"),
    "callbacks.x.filename": ("../evil", "/evil"),
    "callbacks.x.nested": ([1, "/evil"], {"dirpath": "evil"}, {"a": [{"b": "../x"}]}),
}


@pytest.mark.parametrize("key", PLACES)
def test_a_place_is_found(key: str) -> None:
    for value in PLACES[key]:
        assert place_arguments({"seed": 0, key: value}) == {key: value}


def test_ordinary_arguments_are_none() -> None:
    ordinary = {
        "data.path": "/data/x.csv", "logger.x._target_": "lightning.pytorch.loggers.CSVLogger", "logger.x.name": "csv",
        "logger.x.version": 3, "callbacks.x.monitor": "val/loss", "callbacks.x.filename": "{epoch}-best",
        "callbacks.x.every_n_steps": 5, "callbacks.x.quantities": ["grad_norm"], "callbacks.x.patience": None,
    }  # fmt: skip
    assert not place_arguments(ordinary)


def test_none_of_our_own_options_has_a_place() -> None:
    for section in ("callbacks", "logger"):
        for path in (CONF_DIR / section).glob("*.yaml"):
            assert not place_arguments(flat({section: yaml.safe_load(path.read_text())})), path
