"""best.ckpt and last.ckpt, saved where a resumed run continues exactly as the first one would have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging

from gradexp.engine.lightning_internals import callbacks_of, put_between_epochs
from gradexp.objective.monitor import Mode, sign

FORMAT = 3  # of gradexp's part of a checkpoint; increased when another version could not read it correctly


class Checkpoints(Checkpoint):
    """Saves ``last.ckpt`` as training starts, between epochs and at the end, and ``best.ckpt`` when `monitor` is best.

    Lightning's ModelCheckpoint saves before the end of an epoch's last hook, in which a plateau schedule steps; a run
    resumed from its file lacks that step. This callback saves when the next epoch starts. The file contains no path, so
    a run folder can be moved.

    Args:
        folder: Folder of the two files.
        monitor: Metric that picks the best epoch; the earliest of equal ones.
        mode: "max" where higher is better, else "min".
        config: The resolved configuration as plain data, saved under "config", beside "format".
        fallbacks: Metrics, with their modes, to use instead if the module does not log `monitor`. If it logs none of
            them, the last epoch counts as the best. None if `monitor` must be logged.

    Attributes:
        best_score: The monitored metric of best.ckpt; None until it is measured.
        metrics: Every metric at the time of last.ckpt.
        goes_by_none: Whether best.ckpt is the last epoch's because the module logs no metric to compare.
    """

    def __init__(
        self,
        folder: Path,
        monitor: str,
        mode: Mode,
        config: dict[str, Any],
        fallbacks: Mapping[str, Mode] | None = None,
    ) -> None:
        self.folder = folder
        self.monitor = monitor
        self.mode = mode
        self._fallbacks = fallbacks
        self.config = config
        self.best_score: float | None = None
        self.goes_by_none = False
        self.metrics: dict[str, float] = {}
        self._has_ended = False

    @property
    def last_path(self) -> Path:
        return self.folder / "last.ckpt"

    @property
    def best_path(self) -> Path:
        return self.folder / "best.ckpt"

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._has_ended = False

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._save(trainer)
        if self.best_score is None:  # the run was shorter than an epoch
            trainer.save_checkpoint(self.best_path)

    def _save(self, trainer: Trainer) -> None:
        self.metrics |= {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}
        if self._is_best():
            trainer.save_checkpoint(self.best_path)
        trainer.save_checkpoint(self.last_path)

    def _is_best(self) -> bool:
        if self.monitor not in self.metrics and self._fallbacks is not None:
            logged = next((name for name in self._fallbacks if name in self.metrics), None)
            self.goes_by_none = logged is None
            if logged is None:
                return bool(self.metrics)
            self.monitor, self.mode = logged, self._fallbacks[logged]
        score = self.metrics.get(self.monitor)
        if score is None:
            stage = self.monitor.partition("/")[0]
            if any(name.startswith(stage) for name in self.metrics):  # else the stage has not run yet
                raise ValueError(f"monitor must be one of {', '.join(self.metrics)}; got {self.monitor!r}.")
            return False
        if self.best_score is None or sign(self.mode) * score > sign(self.mode) * self.best_score:
            self.best_score = score
            return True
        return False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["format"] = FORMAT
        checkpoint["config"] = self.config
        put_between_epochs(checkpoint)

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "metrics": dict(self.metrics)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score = state_dict["best_score"]
        self.metrics = dict(state_dict["metrics"])


class SaveBeforeAverages(Callback):
    """Runs first, so that Checkpoints saves before WeightAveraging replaces the weights by their averages.

    Until then a checkpoint has both, and a resumed fit continues from the weights.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if any(isinstance(callback, WeightAveraging) for callback in callbacks_of(trainer)):
            self._checkpoints.on_train_end(trainer, pl_module)
