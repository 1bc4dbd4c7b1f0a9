"""What the command line says of a sweep that it cannot resume."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from gradexp.app import hydra_callbacks
from tests.command_line import call
from tests.sweeps.small import UNREPORTED


def test_an_interrupted_sweep_without_a_manifest_says_what_is_kept(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remarks: list[Callable[[], str | None]] = []
    before: list[str | None] = []

    def begin_work(*how_to_continue: Callable[[], str | None]) -> None:
        remarks.extend(how_to_continue)
        before.extend(remark() for remark in how_to_continue)

    monkeypatch.setattr(hydra_callbacks, "begin_work", begin_work)
    Path("a").mkdir()
    jobs = ("data=image_folder", "data.path=a", "seed=0,1", UNREPORTED)  # they fail at once, without images
    call(monkeypatch, "-m", "hydra/sweeper=basic", "hydra.sweep.dir='a=1 b'", *jobs)
    assert before == [None]  # no job had started
    (remark,) = remarks
    kept, _, typed = str(remark()).partition(" with: ")
    assert kept == "its jobs are kept in a=1 b; report them"
    assert shlex.split(typed) == ["python", "-m", "gradexp", "task=report", "sweep_dir='a=1 b'"]
