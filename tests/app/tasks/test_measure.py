"""Measuring a finished fit leaves its trainer as it was."""

import pytest
from lightning.pytorch import Trainer

from gradexp import MLPClassifier
from gradexp.app.quiet import quiet_libraries
from gradexp.app.tasks.measure import measure_training_samples
from gradexp.data import Blobs


def test_an_interrupted_measurement_keeps_the_limit_on_validation_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_libraries()
    data, model = Blobs(num_samples=100), MLPClassifier(2, 2, hidden=(2,))
    data.prepare_data()
    data.setup("fit")
    trainer = Trainer(
        accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, limit_val_batches=0.5,
    )  # fmt: skip

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    measured = measure_training_samples(trainer, model, data)
    assert measured.keys() >= {"best/train/loss", "best/train/accuracy"}
    assert trainer.limit_val_batches == 0.5
    monkeypatch.setattr(MLPClassifier, "loss", interrupted)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        measure_training_samples(trainer, model, data)
    assert trainer.limit_val_batches == 0.5
