"""Settings that Lightning's tuners find as a fit starts, and that then belong into the run's configuration."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import BatchSizeFinder, LearningRateFinder
from omegaconf import DictConfig

from gradexp.app.run_record import RunRecord
from gradexp.configuration.values import changed, plain
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.models import AbstractModule


class FoundSettings(Callback):
    """Records a learning rate or a batch size that a callback has found, before anything else is saved.

    Attributes:
        cfg: The configuration that runs.
        notes: A line for each setting that was found.
    """

    def __init__(self, cfg: DictConfig, record: RunRecord, checkpoints: Checkpoints) -> None:
        self.cfg = cfg
        self.notes: list[str] = []
        self._record, self._checkpoints = record, checkpoints

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        found: dict[str, Any] = {}
        if isinstance(pl_module, AbstractModule) and pl_module.objective.has_found_lr:
            found["optimizer.lr"] = pl_module.lr
        data: Any = getattr(trainer, "datamodule", None)
        if "batch_size" in self.cfg.data and data.batch_size != self.cfg.data.batch_size:
            found["data.batch_size"] = data.batch_size
        if found:
            self.notes = [f"{key} is {value:g}, as found before the fit" for key, value in found.items()]
            self.cfg = changed(self.cfg, found)
            self._record.write(self.cfg)
            self._checkpoints.config = plain(self.cfg)


def without_tuners(trainer: Trainer) -> None:
    """Remove the tuners of a fit that is resumed, which keeps what they found when it began."""
    tuners = (LearningRateFinder, BatchSizeFinder)
    kept = [callback for callback in callbacks_of(trainer) if not isinstance(callback, tuners)]
    trainer.callbacks = kept  # type: ignore[attr-defined]
