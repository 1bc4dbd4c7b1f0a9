"""Lists the jobs of a command without running them."""

import re
from pathlib import Path

import pytest

from tests.command_line import call


def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The settings of the jobs that a command spans, by a dry run, which must write nothing."""
    before = sorted(Path.cwd().rglob("*"))
    capsys.readouterr()
    assert call(monkeypatch, "-m", *arguments, "sweep.dry_run=true") is None
    assert sorted(Path.cwd().rglob("*")) == before, "a dry run writes nothing"
    out = capsys.readouterr().out.splitlines()
    named = [line.removeprefix("sweep: ") for line in out if line.startswith("sweep: ")]
    assert all(Path(folder).is_dir() for folder in named), "a folder that it does not make is not named"
    jobs = [line for line in out if re.match(r" *\d+  planned ", line)]
    assert [int(line.split()[0]) for line in jobs] == list(range(len(jobs)))
    assert f"jobs: {len(jobs)} ({len(jobs)} to do)" in out
    return [" ".join(line.split()[2:]) for line in jobs]
