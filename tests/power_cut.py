"""Interrupts a run between two steps, as a kill does, without ending the test's process."""

from typing import Any

import pytest
from lightning.pytorch import LightningModule, Trainer

from gradexp.engine.step_seed import StepSeed


class PowerCut(Exception):  # noqa: N818  # represents a kill, not an error
    """Ends the run immediately."""


def cut_power_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = StepSeed.on_train_batch_start

    def cut(self: StepSeed, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == step:
            raise PowerCut
        original(self, trainer, pl_module, batch, batch_idx)

    monkeypatch.setattr(StepSeed, "on_train_batch_start", cut)
