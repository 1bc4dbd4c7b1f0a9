"""Measures weights on training samples as validation does: without dropout, augmentation and change of the weights."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden

from gradexp.app.tasks.outcome import logged
from gradexp.data import AbstractDataModule
from gradexp.engine.lightning_internals import measuring

MAX_SAMPLES = 50_000


def measured_on_training_samples(
    trainer: Trainer, model: LightningModule, data: AbstractDataModule
) -> dict[str, float]:
    """The metrics of the model's weights on at most MAX_SAMPLES training samples, as ``best/train/NAME``.

    They can be compared with those of the validation, unlike the means over an epoch, in which the weights move. Empty
    for a module without a validation step, and for data with its own loaders.
    """
    own_loader = type(data).val_dataloader is not AbstractDataModule.val_dataloader
    if own_loader or not is_overridden("validation_step", model):
        return {}
    with measuring(trainer), data.validating_training_samples(MAX_SAMPLES):
        trainer.validate(model, datamodule=data, verbose=False)
    return {f"best/train{name[3:]}": value for name, value in logged(trainer).items() if name.startswith("val")}
