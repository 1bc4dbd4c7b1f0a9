"""Which jobs go into a stack, and which one by one because that is faster."""

from pathlib import Path

import pytest

from gradexp.app.vectorized import stacks
from tests.command_line import call

LINE = ("-m", "model.hidden=[4]", "trainer.max_epochs=1", "seed=0,1", "hydra/launcher=vectorized")
SLOWER = "one by one: jobs of this shape, since a step of one keeps 2 threads busy, of which a stack has one"


def test_jobs_whose_steps_use_all_cores_run_one_by_one_unless_stacks_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "threads_that_pay", lambda operations: 2 if operations > 100_000 else 1)
    assert call(monkeypatch, *LINE, "hydra.sweep.dir=small") is None
    assert SLOWER not in capsys.readouterr().err
    large = (*LINE, "data.batch_size=200")
    assert call(monkeypatch, *large, "hydra.sweep.dir=large") is None
    assert SLOWER in capsys.readouterr().err
    assert call(monkeypatch, *large, "hydra.launcher.max_members=2", "hydra.sweep.dir=asked_for") is None
    assert SLOWER not in capsys.readouterr().err
    assert len(list(Path().glob("*/*/metrics.json"))) == 6
