"""Measures the weights of a finished fit: averages on validation samples, the best weights on training samples."""

from dataclasses import replace
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging
from lightning.pytorch.utilities.model_helpers import is_overridden

from gradexp.data import AbstractDataModule
from gradexp.engine.batches import pair_of
from gradexp.engine.checkpoints import Best, Checkpoints, logged
from gradexp.engine.lightning_internals import callbacks_of, measuring
from gradexp.files import write_atomically
from gradexp.models import AbstractModule

MAX_TRAINING_SAMPLES = 50_000


def choose_averages(trainer: Trainer, model: LightningModule, data: AbstractDataModule, saved: Checkpoints) -> None:
    """Make the averages of a fit with StochasticWeightAveraging its best weights, measured on the validation samples.

    They replace the weights as the fit ends, after the last validation, so that nothing has measured them.
    """
    swa = next((one for one in callbacks_of(trainer) if isinstance(one, StochasticWeightAveraging)), None)
    if swa is None or trainer.current_epoch <= swa.swa_start:
        return
    with measuring(trainer):
        trainer.validate(model, datamodule=data, verbose=False)
    metrics = {name: value for name, value in logged(trainer).items() if name.startswith("val")}
    saved.best = replace(
        saved.best or Best(0, 0), epoch=trainer.current_epoch, step=trainer.global_step, metrics=metrics
    )
    if trainer.is_global_zero:
        write_atomically(saved.best_path, saved.last_path.read_bytes())


def measure_training_samples(trainer: Trainer, model: LightningModule, data: AbstractDataModule) -> dict[str, Any]:
    """Validate the model on at most MAX_TRAINING_SAMPLES training samples, which gives ``best/train/NAME``.

    As in the validation there is no dropout and no augmentation, and the weights do not change, so that the values can
    be compared with those of the validation. ``never_predicted`` names the dead classes, if there are any. The result
    is empty for a module without validation, for data with its own loaders, and under `overfit_batches`, which trains
    on a few of the samples. A limit on the validation's batches does not apply.
    """
    own_loader = type(data).val_dataloader is not AbstractDataModule.val_dataloader
    overfits = getattr(trainer, "overfit_batches", 0)
    if own_loader or overfits or not is_overridden("validation_step", model):
        return {}
    counts = PredictedClasses(data.num_classes)
    limit, trainer.limit_val_batches = trainer.limit_val_batches, 1.0
    try:
        with measuring(trainer, counts), data.validating_training_samples(MAX_TRAINING_SAMPLES):
            trainer.validate(model, datamodule=data, verbose=False)
    finally:
        trainer.limit_val_batches = limit
    measured = {f"best/train{name[3:]}": value for name, value in logged(trainer).items() if name.startswith("val")}
    never = [name for name, is_missed in zip(data.classes, counts.never(trainer), strict=True) if is_missed]
    return measured | ({"never_predicted": ", ".join(never)} if never else {})


class PredictedClasses(Callback):
    """Counts the classes of the samples, and those that a classifier of ours predicts, over a validation."""

    def __init__(self, num_classes: int) -> None:
        self._counts = torch.zeros(2, num_classes, dtype=torch.long)  # of the samples, predicted

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        number = self._counts.shape[1]
        predictions = pl_module.predictions(outputs) if isinstance(pl_module, AbstractModule) else torch.zeros(0)
        if number and predictions.shape[1:] == (number,):
            for row, classes in zip(self._counts, (pair_of(batch)[1], predictions.argmax(dim=1)), strict=True):
                row += torch.bincount(classes.cpu(), minlength=number)

    def never(self, trainer: Trainer) -> list[bool]:
        """Of each class, whether some samples have it and none is predicted to have it, in all processes."""
        counts = trainer.strategy.reduce(self._counts.to(trainer.strategy.root_device), reduce_op="sum")
        samples, predicted = counts.cpu()
        is_missed = (samples > 0) & (predicted == 0) & (predicted.sum() > 0)
        return [bool(missed) for missed in is_missed]
