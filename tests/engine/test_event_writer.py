"""Event files without TensorBoard's thread: the same events, and an error where it happens."""

import errno
import threading
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch.utils.tensorboard import SummaryWriter

from gradexp.engine.event_files import EventFiles
from gradexp.engine.event_writer import EventWriter


def written(folder: Path) -> list[Any]:
    """All events of all event files, without the time and the name of the writer."""
    found = []
    for path in sorted(folder.rglob("*tfevents*")):
        for event in EventFileLoader(str(path)).Load():
            event.wall_time = 0
            event.source_metadata.writer = ""
            found.append(event)
    return found


def log(writer: SummaryWriter) -> None:
    with writer:
        writer.add_scalar("loss", 0.5, 1)
        writer.add_text("config", "lr: 0.1")
        writer.add_scalars("errors", {"train": 1.0, "val": 2.0}, 2)
        writer.flush()
        writer.add_scalar("loss", 0.25, 2)


def test_the_events_are_those_of_torchs_writer_and_no_thread_is_started(tmp_path: Path) -> None:
    threads = threading.active_count()
    with EventWriter(str(tmp_path / "threads")):
        assert threading.active_count() == threads
    for suffix in ("", ".report"):
        ours, theirs = tmp_path / f"ours{suffix}", tmp_path / f"theirs{suffix}"
        log(EventWriter(str(ours), purge_step=3, filename_suffix=suffix))
        log(SummaryWriter(str(theirs), purge_step=3, filename_suffix=suffix))
        assert written(ours) == written(theirs)
        assert len(written(ours)) == 10
        names = [{path.parent.relative_to(folder) for path in folder.rglob("*tfevents*")} for folder in (ours, theirs)]
        assert names[0] == names[1]
        assert all(path.name.endswith(suffix) for path in ours.rglob("*tfevents*"))


def test_an_error_names_the_file_which_ends_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = EventFiles(tmp_path, name="tensorboard", version="")
    files.log_metrics({"loss": 1.0}, 1)
    files.save()
    (path,) = (tmp_path / "tensorboard").iterdir()
    before = path.read_bytes()
    files.log_metrics({"loss": 2.0}, 2)
    (path.parent / "moved").hardlink_to(path)
    path.unlink()
    path.symlink_to("/dev/full")  # the system's own error of a full disk
    with pytest.raises(OSError, match="No space left on device") as caught:
        files.save()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    files.finalize("failed")  # as Lightning does after any error: nothing is written again
    (path.parent / "moved").replace(path)
    assert path.read_bytes() == before


def test_what_is_kept_in_memory_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradexp.engine.event_writer.MOST_KEPT", 1000)
    writer = EventWriter(str(tmp_path))
    (path,) = tmp_path.iterdir()
    before = path.stat().st_size
    writer.add_scalar("loss", 1.0, 1)
    assert path.stat().st_size == before
    writer.add_text("text", 1000 * "x")
    assert path.stat().st_size > before + 1000
