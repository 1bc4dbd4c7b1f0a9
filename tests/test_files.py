"""Atomic writes: a file is either written completely or unchanged."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gradexp.engine.checkpoint_file import AtomicCheckpointIO
from gradexp.files import user_path, write_atomically, write_json


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
