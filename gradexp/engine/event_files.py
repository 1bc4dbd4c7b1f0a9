"""TensorBoard's event files of a run, which a resumed fit takes back to where its checkpoint was saved."""

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter

from gradexp.engine.event_writer import EventWriter

HPARAMS = ".hparams"  # the end of the name of the event file with the settings of a finished run
_CREATED = re.compile(r"(?<=tfevents\.)\d{10}(?=\.)")  # a file's name has the second at which it was created
_RENAMED = re.compile(r"(?<=tfevents\.)0\d{9}\.(?=\d{10}\.)")


class EventFiles(TensorBoardLogger):
    """Lightning's TensorBoard logger without hparams.yaml: checkpoint and .hydra/ contain the configuration.

    Attributes:
        continues: Whether the folder has the events of the part of the fit before a resume.
    """

    continues = False
    _earlier: list[Path] | None = None  # the files of earlier fits, between `begin_rewind` and `end_rewind`
    _begun = 0  # the second of `begin_rewind`
    _kept: Mapping[str, int] | None = None  # their sizes at the checkpoint; None to drop nothing
    _resumes = False

    @property
    @rank_zero_experiment
    def experiment(self) -> SummaryWriter:
        """The writer, which raises the error of a full disk where it happens."""
        if self._experiment is None:
            self._experiment = EventWriter(log_dir=self.log_dir, **self._kwargs)
        return self._experiment

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log scalars, without the epoch that Lightning adds to what modules log: no curve that tells anything."""
        # Lightning's is a whole number; an epoch that a module logs itself is none, as it has been a tensor.
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch" or not isinstance(v, int)}, step)

    def save(self) -> None:
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        """Keep the file open after a fit: what a test adds in another one could be read before it."""
        if status != "success":
            super().finalize(status)
        elif self._experiment is not None:
            self.save()

    def begin_rewind(self, checkpoint: Mapping[str, Any] | None) -> None:
        """Find what `end_rewind` will drop: what was logged after the checkpoint from which this fit resumes.

        With it the curves would have some steps twice: those of a killed process after its last checkpoint, and the
        final values and figures of a finished one. A checkpoint of another folder, or of step 0, keeps nothing. The
        settings of a finished fit stay until those of a fit that resumes it replace them. No file changes yet, so that
        a fit that fails can `undo` its own.

        Args:
            checkpoint: The checkpoint, saved with SaveEventSizes; None for a fit that does not resume. From one that
                has no sizes nothing is dropped.
        """
        self._earlier, self._kept, self._begun = self._files(), {}, int(time.time())
        self._resumes = checkpoint is not None
        if checkpoint is not None and (checkpoint["global_step"] or "event_files" not in checkpoint):
            self._kept = checkpoint.get("event_files")
        names = [self._key(path) for path in self._earlier]
        self.continues = bool(names) if self._kept is None else any(name in self._kept for name in names)

    def end_rewind(self) -> None:
        """Drop what `begin_rewind` found, once this fit has saved last.ckpt; without that call it does nothing."""
        earlier, self._earlier = self._earlier, None
        if earlier is None or self._kept is None:
            return
        kept = []
        for path in earlier:
            size = self._kept.get(self._key(path))
            if self._resumes and path.name.endswith(HPARAMS):
                kept.append(path)
            elif size is None:
                path.unlink()
            else:
                kept.append(path)
                if size < path.stat().st_size:
                    os.truncate(path, size)
        if kept and _second_of_creation(kept[-1]) >= self._begun:
            _rename_in_order(kept)

    def undo(self) -> None:
        """Remove what this fit has logged; possible between `begin_rewind` and `end_rewind`, else it does nothing."""
        earlier, self._earlier = self._earlier, None
        if earlier is None:
            return
        if self._experiment is not None:
            self._experiment.close()
        for path in self._files():
            if path not in earlier:
                path.unlink()

    def sizes(self) -> dict[str, int]:
        """The size in bytes of each event file, with all that was logged so far, as it is after `end_rewind`."""
        self.save()
        sizes = {self._key(path): path.stat().st_size for path in self._files() if not path.name.endswith(HPARAMS)}
        if self._earlier is None or self._kept is None:
            return sizes
        dropped = {self._key(path) for path in self._earlier} - self._kept.keys()
        return {key: min(size, self._kept.get(key, size)) for key, size in sizes.items() if key not in dropped}

    def _files(self) -> list[Path]:
        """The event files in the order in which TensorBoard reads them; those in sub-folders are of other writers."""
        return sorted(Path(self.log_dir).glob("*tfevents*"))

    def _key(self, path: Path) -> str:
        """The first name of a file."""
        return _RENAMED.sub("", path.name)


class SaveEventSizes(Callback):
    """Saves the sizes of the event files in checkpoints, for `EventFiles.begin_rewind`."""

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if isinstance(trainer.logger, EventFiles) and trainer.is_global_zero:
            checkpoint["event_files"] = trainer.logger.sizes()


def _second_of_creation(path: Path) -> int:
    found = _CREATED.search(path.name)
    return int(found.group()) if found else 0


def _rename_in_order(paths: list[Path]) -> None:
    """Let the files sort before any later one though the clock has gone back: TensorBoard reads files by name."""
    for number, path in enumerate(paths):
        first_name = _RENAMED.sub("", path.name)
        path.rename(path.with_name(first_name.replace("tfevents.", f"tfevents.{number:010d}.", 1)))
