"""Where a run takes place: machine, versions, and the state of the user's repository."""

import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from gradexp.configuration.environment import ENVIRONMENT, _revision, environment


def git(folder: Path, *line: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *identity, *line], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_revision_is_that_of_the_folder_and_tells_uncommitted_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)  # the minute does not end within
    assert "git_revision" not in environment(tmp_path), "no repository"
    git(tmp_path, "init", "-q")
    _revision.cache_clear()
    assert "git_revision" not in environment(tmp_path), "no commit"
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "new.txt").write_text("not of the repository")
    _revision.cache_clear()
    commit = git(tmp_path, "rev-parse", "HEAD")
    found = environment(tmp_path)
    assert found["git_revision"] == commit
    assert tuple(found) == ENVIRONMENT
    assert f"torch {version('torch')}" in found["versions"]
    (tmp_path / "code.py").write_text("2")
    assert environment(tmp_path) == found, "asked once a minute"
    _revision.cache_clear()
    assert environment(tmp_path)["git_revision"] == f"{commit} with uncommitted changes"


def test_a_repository_cannot_have_a_program_started(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "first", "--allow-empty")
    git(tmp_path, "config", "core.fsmonitor", f"touch {tmp_path / 'started'}; false")
    _revision.cache_clear()
    assert "git_revision" in environment(tmp_path)
    assert not (tmp_path / "started").exists()
