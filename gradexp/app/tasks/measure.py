"""Measures the weights of a finished fit: averages on validation samples, the best weights on training samples."""

import shutil
from dataclasses import replace

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging
from lightning.pytorch.utilities.model_helpers import is_overridden

from gradexp.app.tasks.outcome import logged
from gradexp.data import AbstractDataModule
from gradexp.engine.checkpoints import Best, Checkpoints
from gradexp.engine.lightning_internals import callbacks_of, measuring

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
        shutil.copy(saved.last_path, saved.best_path)


def measure_training_samples(trainer: Trainer, model: LightningModule, data: AbstractDataModule) -> dict[str, float]:
    """Validate the model on at most MAX_TRAINING_SAMPLES training samples, which gives ``best/train/NAME``.

    As in the validation there is no dropout and no augmentation, and the weights do not change, so that the values can
    be compared with those of the validation. Empty for a module without validation, and for data with its own loaders.
    """
    own_loader = type(data).val_dataloader is not AbstractDataModule.val_dataloader
    if own_loader or not is_overridden("validation_step", model):
        return {}
    with measuring(trainer), data.validating_training_samples(MAX_TRAINING_SAMPLES):
        trainer.validate(model, datamodule=data, verbose=False)
    return {f"best/train{name[3:]}": value for name, value in logged(trainer).items() if name.startswith("val")}
