"""Atomic writes: a file is either written completely or unchanged."""

import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gradexp.engine.checkpoint_file import AtomicCheckpointIO
from gradexp.files import (
    REMEDIES,
    append,
    naming,
    remove_temporary_files,
    user_path,
    write_atomically,
    write_json,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full_disk(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_replaces_the_content(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    for content in (b"first, and longer", b"second", b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "fdopen"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failed_write_leaves_only_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: type[BaseException]
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*arguments: Any) -> None:
        # fdopen would have closed the descriptor.
        if call == "fdopen":
            os.close(arguments[0])
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(error):
            write_atomically(path, b"new, and longer")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_failed_rename_leaves_only_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_equal_those_of_an_ordinary_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        (tmp_path / "ordinary").write_bytes(b"")
        write_atomically(tmp_path / "atomic", b"")
        assert os.umask(mask) == mask  # unchanged
    finally:
        os.umask(before)
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert (tmp_path / "atomic").stat().st_mode & 0o777 == 0o666 & ~mask


def test_json_survives_a_round_trip(tmp_path: Path) -> None:
    content = {"status": "completed", "loss": 0.1, "steps": 3, "name": "é"}
    write_json(tmp_path / "metrics.json", content)
    assert json.loads((tmp_path / "metrics.json").read_text()) == content


def test_a_checkpoint_survives_a_round_trip(tmp_path: Path) -> None:
    checkpoint = {"state_dict": {"w": torch.randn(3, 4)}, "global_step": 7, "config": {"optimizer": {"lr": 0.1}}}
    path = tmp_path / "checkpoints" / "last.ckpt"
    io = AtomicCheckpointIO()
    io.save_checkpoint(checkpoint, str(path))
    loaded = io.load_checkpoint(path)
    assert torch.equal(loaded["state_dict"]["w"], checkpoint["state_dict"]["w"])  # type: ignore[index]
    assert {key: loaded[key] for key in ("global_step", "config")} == {
        "global_step": 7,
        "config": {"optimizer": {"lr": 0.1}},
    }
    assert names(path.parent) == ["last.ckpt"]


def test_a_failed_checkpoint_write_leaves_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, io = tmp_path / "last.ckpt", AtomicCheckpointIO()
    io.save_checkpoint({"global_step": 1}, path)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        io.save_checkpoint({"global_step": 2}, path)
    assert io.load_checkpoint(path)["global_step"] == 1
    assert names(tmp_path) == ["last.ckpt"]


def test_a_tilde_is_the_home_folder_unless_it_begins_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/data") == Path("/home/me/data")
    assert user_path("~no such user.csv") == Path("~no such user.csv")
    assert user_path("a~") == Path("a~")


def test_the_error_of_a_write_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os if name == "fsync" else Path, name, full_disk)
            with pytest.raises(OSError, match="No space left") as caught:
                write_atomically(path, b"content")
        assert (caught.value.filename, caught.value.filename2) == (str(path), None)
    with pytest.raises(FileNotFoundError) as missing, naming(path):
        os.rename(tmp_path / "no", tmp_path / "where")  # noqa: PTH104  # its error has two names
    assert str(missing.value) == f"[Errno 2] No such file or directory: '{path}'"


def test_content_is_appended_or_the_file_ends_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events"
    append(path, b"one")
    append(path, b"two")
    assert path.read_bytes() == b"onetwo"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))  # the system writes four of the bytes
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            append(path, b"three")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"onetwo"


def killed_in_a_write(path: Path) -> None:
    """Write to a file in another process that dies before it renames the temporary file."""
    program = (
        "import os, pathlib, signal, sys; from gradexp.files import write_atomically\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(pathlib.Path(sys.argv[1]), b'content')"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == -signal.SIGKILL


def test_temporary_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    users = [tmp_path / ".metrics.json.backup", tmp_path / "notes.gradexp~"]
    for other in users:
        other.touch()
    killed_in_a_write(path)
    assert len(names(tmp_path)) == 3
    remove_temporary_files(tmp_path, tmp_path / "no such folder")
    assert names(tmp_path) == sorted(other.name for other in users)


def test_a_file_that_another_process_is_writing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    found = []

    def clean(descriptor: int) -> None:
        remove_temporary_files(tmp_path)  # as another process, which locks are for
        found.append(names(tmp_path))

    monkeypatch.setattr(os, "fsync", clean)
    write_atomically(path, b"content")
    assert len(found[0]) == 1
    assert path.read_bytes() == b"content"
    assert names(tmp_path) == ["file"]


def test_a_temporary_file_that_is_removed_before_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    removed: list[Path] = []

    def late(descriptor: Any, operation: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    write_atomically(tmp_path / "file", b"content")
    assert removed
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.parametrize("number", sorted(REMEDIES))
def test_every_error_with_a_remedy_has_a_reason_of_the_system(number: int) -> None:
    assert "Unknown error" not in os.strerror(number)
    assert REMEDIES[number][0].isupper()
    assert not REMEDIES[number].endswith(".")
