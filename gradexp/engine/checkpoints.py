"""best.ckpt and last.ckpt, saved where a resumed run continues exactly as the first one would have."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging
from torch import Tensor

from gradexp.engine.event_files import EventFiles
from gradexp.engine.lightning_internals import (
    callbacks_of,
    is_fitting,
    put_between_epochs,
    save_with_weights,
    weights_to_save,
)
from gradexp.objective.monitor import Mode, sign
from gradexp.untrusted import check_kinds

FORMAT = 3  # of gradexp's part of a checkpoint; increased when another version could not read it correctly


@dataclass(frozen=True)
class Best:
    """When the weights of best.ckpt were reached, and what was measured with them.

    Attributes:
        epoch: The epoch, from 1, in or after which they were measured.
        step: The optimizer steps that they were trained for.
        score: The monitored metric; None if none of the weights were measured.
        loss: The loss of the same stage, which decides between equal scores.
        metrics: All metrics of the validation, by name; empty if the monitor is a training metric.
    """

    epoch: int
    step: int
    score: float | None = None
    loss: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)

    def rank(self, mode: Mode) -> tuple[float, float]:
        """By which the better of two is the larger: the score, of equal scores the loss."""
        assert self.score is not None
        return sign(mode) * self.score, -self.loss


class Checkpoints(Checkpoint):
    """Saves ``last.ckpt`` as training starts, between epochs and at the end, and ``best.ckpt`` when `monitor` is best.

    best.ckpt holds the very weights that were validated, also if they change before it is saved: by later steps of the
    epoch, by weight averaging, by pruning. Of equal scores the one with the lower loss is better, of equal losses the
    later one: on few samples an accuracy reaches its maximum long before the loss reaches its minimum.

    Lightning's ModelCheckpoint saves before the end of an epoch's last hook, in which a plateau schedule steps; a run
    resumed from its file lacks that step. This callback saves when the next epoch starts. The file contains no path, so
    a run folder can be moved.

    Args:
        folder: Folder of the two files.
        monitor: Metric that picks the best weights.
        mode: "max" where higher is better, else "min".
        config: The resolved configuration as plain data, saved under "config", beside "format".
        fallbacks: Metrics, with their modes, to use instead if the module does not log `monitor`. If it logs none of
            them, the last epoch counts as the best. None if `monitor` must be logged.

    Attributes:
        best: What is known of best.ckpt; None until it is saved.
        metrics: Every metric at the time of last.ckpt.
        goes_by_none: Whether best.ckpt is the last epoch's because the module logs no metric to compare.
        resumed: The settings that changed at a resume, saved under "resumed".
        kept_step: In a fit that resumes from last.ckpt, its step: the file is not replaced by one of the same step, so
            that it stays as it is if the first step fails.
        has_saved: Whether this fit has saved last.ckpt.
        is_stopped: Whether a callback has ended the fit before its limits.
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
        self.best: Best | None = None
        self.goes_by_none = False
        self.metrics: dict[str, float] = {}
        self.resumed: list[dict[str, Any]] = []
        self.kept_step: int | None = None
        self.has_saved = False
        self._has_ended = False
        self.is_stopped = False
        self._has_validated = False
        self._best_weights: dict[str, Tensor] | None = None  # validated, not saved yet

    @property
    def last_path(self) -> Path:
        return self.folder / "last.ckpt"

    @property
    def best_path(self) -> Path:
        return self.folder / "best.ckpt"

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._has_ended = self.is_stopped = self.has_saved = False
        self._has_validated = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not is_fitting(pl_module):
            return
        self._has_validated = True
        if self._goes_by_validation and self._is_best(trainer, trainer.current_epoch + 1):
            self._best_weights = weights_to_save(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self.is_stopped = trainer.should_stop
        self._save(trainer)
        if self.best is None:  # the run was shorter than an epoch
            self.best = Best(trainer.current_epoch, trainer.global_step)
            trainer.save_checkpoint(self.best_path)

    @property
    def _goes_by_validation(self) -> bool:
        return self._has_validated and not self.monitor.startswith("train")

    def _save(self, trainer: Trainer) -> None:
        if trainer.global_step == self.kept_step:
            return
        measured = logged(trainer)
        self.metrics |= measured
        if self._best_weights is not None:
            assert self.best is not None
            save_with_weights(trainer, self.best_path, self._best_weights, self.best.step)
            self._best_weights = None
        elif measured and not self._goes_by_validation and self._is_best(trainer, trainer.current_epoch):
            trainer.save_checkpoint(self.best_path)
        trainer.save_checkpoint(self.last_path)
        self.has_saved = True
        if isinstance(trainer.logger, EventFiles) and trainer.is_global_zero:
            trainer.logger.end_rewind()

    def _is_best(self, trainer: Trainer, epoch: int) -> bool:
        measured = logged(trainer)
        if self.monitor not in measured and self._fallbacks is not None:
            fallback = next((name for name in self._fallbacks if name in measured), None)
            self.goes_by_none = fallback is None
            if fallback is not None:
                self.monitor, self.mode = fallback, self._fallbacks[fallback]
        of_stage = {k: v for k, v in measured.items() if k.startswith("val") or k == self.monitor}
        reached = epoch, trainer.global_step
        if self.goes_by_none:
            self.best = Best(*reached, metrics=of_stage)
            return True
        score = measured.get(self.monitor)
        stage = self.monitor.partition("/")[0]
        if score is None:
            if any(name.startswith(stage) for name in measured):  # else the stage has not run yet
                raise ValueError(f"monitor must be one of {', '.join(measured)}; got {self.monitor!r}.")
            return False
        if math.isnan(score):
            return False
        loss = measured.get(f"{stage}/loss", 0.0)
        found = Best(*reached, score, loss, of_stage if self._goes_by_validation else {})
        best = self.best
        if best is not None and best.score is not None and found.rank(self.mode) < best.rank(self.mode):
            return False
        self.best = found
        return True

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["format"] = FORMAT
        checkpoint["config"] = self.config
        checkpoint["processes"] = trainer.num_devices * trainer.num_nodes
        checkpoint["stopped"] = self.is_stopped
        if self.resumed:
            checkpoint["resumed"] = self.resumed
        put_between_epochs(checkpoint)

    def state_dict(self) -> dict[str, Any]:
        return {"best": asdict(self.best) if self.best else None, "metrics": dict(self.metrics)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        best = state_dict["best"]
        check_kinds(state_dict, metrics=dict, best=(dict, NoneType))
        if best is not None:
            check_kinds(best, epoch=int, step=int, metrics=dict)
            for name in ("score", "loss"):  # which may be infinite
                if not isinstance(best[name], int | float | None):
                    raise TypeError(f"best.{name} is {repr(best[name])[:80]}")
        self.best = Best(**best) if best else None
        self.metrics = dict(state_dict["metrics"])


def logged(trainer: Trainer) -> dict[str, float]:
    """The metrics that the last stage logged, by name."""
    return {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}


class SaveBeforeAverages(Callback):
    """Runs first, so that Checkpoints saves before WeightAveraging replaces the weights by their averages.

    Until then a checkpoint has both, and a resumed fit continues from the weights.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if any(isinstance(callback, WeightAveraging) for callback in callbacks_of(trainer)):
            self._checkpoints.on_train_end(trainer, pl_module)
