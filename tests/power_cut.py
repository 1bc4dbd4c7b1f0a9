"""A run that ends in mid-step, as by a kill, in the test's own process."""

from typing import Any

import pytest
from lightning.pytorch import LightningModule, Trainer

from gradexp.engine.step_seed import StepSeed


class PowerCut(Exception):  # noqa: N818  # stands for a kill, not for an error
    """Ends the process's work at once."""


def cut_power_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = StepSeed.on_train_batch_start

    def cut(self: StepSeed, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == step:
            raise PowerCut
        real(self, trainer, pl_module, batch, batch_idx)

    monkeypatch.setattr(StepSeed, "on_train_batch_start", cut)
