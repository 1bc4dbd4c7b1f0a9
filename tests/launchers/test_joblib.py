"""A sweep in processes of this machine."""

from pathlib import Path

import pytest

from gradexp.sweeps.resources import core_count
from tests.command_line import call
from tests.launchers.conftest import SWEEP, Rows, rows


def test_joblib_ends_in_the_same_table_as_the_basic_launcher(monkeypatch: pytest.MonkeyPatch, on_basic: Rows) -> None:
    witness = "+callbacks.witness._target_=tests.launchers.witness.Witness"
    assert call(monkeypatch, *SWEEP, "hydra/launcher=joblib", witness, "trusted_packages=[gradexp,tests]") is None
    found = rows()
    for row in found:
        row["overrides"] = row["overrides"].replace(f" {witness} trusted_packages=[gradexp,tests]", "")
    compared = [key for key in on_basic[0] if not key.startswith(("callbacks", "trusted", "config_hash"))]
    assert [[row[key] for key in compared] for row in found] == [[row[key] for key in compared] for row in on_basic]
    seen = [Path("sweep", str(number), "witness.txt").read_text().split() for number in range(2)]
    processes, threads = {process for process, _ in seen}, {int(count) for _, count in seen}
    assert len(processes) == min(core_count(), 2)
    assert max(threads) * len(processes) <= core_count(), "the cores are not oversubscribed"


def test_a_launcher_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import gradexp.sweeps.launching as launching

    monkeypatch.setattr(launching, "find_spec", lambda name: None)
    message = call(monkeypatch, *SWEEP, "hydra/launcher=joblib")
    assert isinstance(message, str)
    assert "pip install 'gradexp[joblib]'" in message
    assert not Path("sweep").exists()
