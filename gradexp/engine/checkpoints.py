"""best.ckpt and last.ckpt, at points from which a resumed run goes on exactly as the first one would have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging

from gradexp.engine.lightning_internals import callbacks_of, put_between_epochs
from gradexp.objective.monitor import Mode, sign

FORMAT = 2  # of what a checkpoint holds beside Lightning's part; grows when another gradexp could not read it right


class Checkpoints(Checkpoint):
    """Saves ``last.ckpt`` as training starts, between epochs and at the end, and ``best.ckpt`` when `monitor` is best.

    An epoch is over for Lightning only after its last hook, when the plateau schedule has stepped too. Lightning's own
    ModelCheckpoint saves before that, and a resumed run then lacks that step; here the state is taken as the next epoch
    starts. The file depends on no path, so a run folder can be moved.

    Args:
        folder: Where the two files lie.
        monitor: Metric that picks the best epoch; of equals the earliest.
        mode: "max" where more of it is better, else "min".
        config: The resolved configuration as plain data, kept inside under "config", beside "format".
        fallbacks: Metrics to go by, with their modes, where a module logs no `monitor`; of a module that logs none of
            them either the last epoch counts as the best. None where `monitor` must be logged.

    Attributes:
        best_score: The monitored metric of best.ckpt; None as long as it was not measured.
        metrics: Every metric at the time of last.ckpt.
        goes_by_none: Whether best.ckpt is the last epoch's, as the module logs nothing to go by.
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
        if self.best_score is None:  # never measured: the run was shorter than an epoch
            trainer.save_checkpoint(self.best_path)

    def _save(self, trainer: Trainer) -> None:
        self.metrics |= {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}
        if self._is_best():
            trainer.save_checkpoint(self.best_path)
        trainer.save_checkpoint(self.last_path)

    def _is_best(self) -> bool:
        if self.monitor not in self.metrics and self._fallbacks is not None:
            known = next((name for name in self._fallbacks if name in self.metrics), None)
            self.goes_by_none = known is None
            if known is None:
                return bool(self.metrics)
            self.monitor, self.mode = known, self._fallbacks[known]
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
    """Comes first, and lets Checkpoints save before WeightAveraging puts the averages in the place of the weights.

    Until then a checkpoint has both, and a resumed fit goes on from the weights.

    Args:
        checkpoints: Of the same fit.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if any(isinstance(callback, WeightAveraging) for callback in callbacks_of(trainer)):
            self._checkpoints.on_train_end(trainer, pl_module)
