"""Random numbers of a training step as a function of (seed, step, rank)."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from gradexp.engine.step_callback import StepCallback, batches_begun
from gradexp.randomness import mix


class StepSeed(StepCallback):
    """Seeds the generators before every batch, so that dropout in a resumed run repeats the first run's.

    A step draws the same numbers however many steps a Lightning batch holds.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        state = mix("step", self.seed, batches_begun(trainer) - 1, trainer.global_rank)
        # torch.manual_seed seeds every kind of device, which takes as long as a layer; two devices are enough.
        torch.default_generator.manual_seed(state)
        if pl_module.device.type != "cpu":
            torch.get_device_module(pl_module.device).manual_seed(state)
