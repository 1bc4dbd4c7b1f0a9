"""The message for a missing plugin names the plugin and the extra that installs it, under every sweeper."""

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


def test_a_search_without_optuna_names_its_extra() -> None:
    options = ["basic", "grid", "search"]  # Hydra's options without the plugin, which adds optuna
    message = explain(MissingConfigException("", "hydra/sweeper/optuna", options=options))
    assert message is not None
    assert "pip install 'PATH/TO/WHEEL[optuna]'" in message
    other = explain(MissingConfigException("", "hydra/sweeper/gird", options=options))
    assert other is not None
    assert "Did you mean grid?" in other
    assert "pip install" not in other
