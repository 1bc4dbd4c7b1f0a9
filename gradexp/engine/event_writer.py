"""Writes TensorBoard's event files in the thread that logs, so that an error ends the run and names the file."""

import io
import itertools
import os
import socket
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog, SourceMetadata
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import FileWriter, SummaryWriter

from gradexp.files import append

VERSION = "brain.Event:2"  # of the format
MOST_KEPT = 2**20  # bytes in memory before they are written without a flush

_numbers = itertools.count()


class EventWriter(SummaryWriter):
    """torch's SummaryWriter without TensorBoard's thread, which prints a traceback when a disk is full, and goes on.

    It writes at each `flush`, which a logger calls with each of its logs, and when it is closed.
    """

    file_writer: Any
    all_writers: Any

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:
            self.file_writer = _FileWriter(str(self.log_dir), self.filename_suffix)
            self.all_writers = {self.log_dir: self.file_writer}
            if self.purge_step is not None:  # TensorBoard then hides later steps of earlier files
                for event in (
                    Event(step=self.purge_step, file_version=VERSION),
                    Event(step=self.purge_step, session_log=SessionLog(status=SessionLog.START)),
                ):
                    self.file_writer.add_event(event)
                self.purge_step = None
        return self.file_writer  # type: ignore[no-any-return]

    def add_scalars(self, main_tag: str, tag_scalar_dict: dict[str, float], *at: Any, **options: Any) -> None:
        """Each scalar has an event file of its own, in a folder of its own."""
        self._get_file_writer()  # opens it again after a close
        for tag in tag_scalar_dict:
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}"
            if folder not in self.all_writers:
                self.all_writers[folder] = _FileWriter(folder, self.filename_suffix)
        super().add_scalars(main_tag, tag_scalar_dict, *at, **options)


class _FileWriter(FileWriter):
    def __init__(self, folder: str, suffix: str) -> None:
        self.event_writer = _EventFile(Path(folder), suffix)  # in place of TensorBoard's, which starts the thread


class _EventFile:
    """One event file, with TensorBoard's name and format."""

    def __init__(self, folder: Path, suffix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}{suffix}"
        self._path = folder / f"events.out.tfevents.{name}"
        self._records = io.BytesIO()  # not written yet
        source = SourceMetadata(writer=__name__)
        self.add_event(Event(wall_time=time.time(), file_version=VERSION, source_metadata=source))
        self.flush()

    def get_logdir(self) -> str:
        return str(self._path.parent)

    def add_event(self, event: Any) -> None:
        RecordWriter(self._records).write(event.SerializeToString())
        if self._records.tell() > MOST_KEPT:
            self.flush()

    def flush(self) -> None:
        # Taken first: after an error the run ends, and its loggers are flushed once more.
        content, self._records = self._records.getvalue(), io.BytesIO()
        if content:
            append(self._path, content)

    close = flush
