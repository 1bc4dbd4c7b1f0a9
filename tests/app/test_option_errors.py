"""Messages for what Hydra says of overrides where no command line of mistakes.txt shows them."""

from pathlib import Path

import pytest

from tests.command_line import call


def test_a_file_of_ones_own_that_adds_a_chosen_group(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("conf/experiment").mkdir(parents=True)
    Path("conf/experiment/mine.yaml").write_text("# @package _global_\ndefaults:\n  - /loss: mse\n")
    message = str(call(monkeypatch, "--config-dir", "conf", "+experiment=mine"))
    assert message.endswith("chosen already; got loss: mse. Write - override /loss: mse")
