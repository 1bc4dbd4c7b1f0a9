"""The resolvers of conf/ are there when gradexp composes, beside those of the same names that a program has."""

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from gradexp.app.own_hydra import own_hydra
from gradexp.app.resolvers import register_resolvers


def test_a_programs_own_resolvers_are_its_own_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseContainer, "_resolvers", dict(BaseContainer._resolvers))
    OmegaConf.register_new_resolver("sweep_folder", lambda *_: "theirs", replace=True)
    OmegaConf.clear_resolver("direction")
    before = BaseContainer._resolvers["sweep_folder"]
    register_resolvers()  # as the import does
    assert BaseContainer._resolvers["sweep_folder"] is before
    assert OmegaConf.has_resolver("direction")
    with own_hydra() as hydra:
        folder = hydra.compose_config("config", [], RunMode.RUN).hydra.sweep.dir
        assert folder.startswith("outputs/sweeps/")
    assert BaseContainer._resolvers["sweep_folder"] is before
