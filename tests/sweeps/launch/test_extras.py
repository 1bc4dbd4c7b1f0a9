"""The message for a missing plugin names the plugin and the extra that installs it, under every sweeper."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra.errors import MissingConfigException

from gradexp.app.errors import explain
from gradexp.sweeps.launch import extras
from tests.command_line import call
from tests.sweeps.launch.conftest import SWEEP


@pytest.mark.parametrize("sweeper", ["grid", "basic"])
@pytest.mark.parametrize(
    ("launcher", "extra"), [("joblib", "joblib"), ("ray_cluster", "ray"), ("submitit_slurm", "slurm")]
)
def test_a_launcher_that_is_not_installed_names_its_extra(
    launcher: str, extra: str, sweeper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    message = call(monkeypatch, *SWEEP, f"hydra/launcher={launcher}", f"hydra/sweeper={sweeper}")
    assert isinstance(message, str)
    assert message.startswith("error: hydra_")
    assert f"pip install 'PATH/TO/WHEEL[{extra}]'" in message
    assert not Path("sweep").exists()


@pytest.mark.parametrize("missing", ["optuna", "cmaes"])
def test_a_search_without_optuna_names_its_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == missing else find_spec(name))
    message = str(call(monkeypatch, *SWEEP, "hydra/sweeper=optuna"))
    assert message.startswith(f"error: {missing} must be installed for hydra/sweeper=optuna; it is not.")
    assert "pip install 'PATH/TO/WHEEL[optuna]'" in message
    assert not Path("sweep").exists()


def test_an_old_optuna_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: find_spec("json"))
    monkeypatch.setattr(extras, "version", lambda name: "2.10.1")
    message = str(call(monkeypatch, *SWEEP, "hydra/sweeper=optuna"))
    assert message.startswith("error: optuna must be of version 5 or later; got 2.10.1. It is installed by")


def test_a_misspelt_sweeper_is_no_missing_plugin() -> None:
    options = ["basic", "grid", "optuna", "search"]
    message = explain(MissingConfigException("", "hydra/sweeper/gird", options=options))
    assert message is not None
    assert "Did you mean grid?" in message
    assert "pip install" not in message
