"""A user's callback that leaves a file at the beginning of each phase of a run."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer


class PhaseMarks(Callback):
    """Creates `at-PHASE` in the run's folder."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _mark(trainer, "fit")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _mark(trainer, "validation")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _mark(trainer, "train-end")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _mark(trainer, "test")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _mark(trainer, "test-end")


def _mark(trainer: Trainer, phase: str) -> None:
    (Path(trainer.default_root_dir) / f"at-{phase}").touch()
