"""Random numbers of a training step as a function of (seed, step, rank)."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gradexp.randomness import mix


class StepSeed(Callback):
    """Seeds the generators before every training step, so that dropout in a resumed run repeats the first run's.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        state = mix("step", self.seed, trainer.fit_loop.total_batch_idx, trainer.global_rank)
        # torch.manual_seed visits every kind of device, which costs as much as a layer; seed the two that count.
        torch.default_generator.manual_seed(state)
        if pl_module.device.type != "cpu":
            torch.get_device_module(pl_module.device).manual_seed(state)
