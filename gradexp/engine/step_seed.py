"""Random numbers of a training step as a function of (seed, step, rank)."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gradexp.engine.step_callback import StepCallback, batches_begun
from gradexp.randomness import mix, seed_generators


class StepSeed(StepCallback):
    """Seeds the generators before every batch, so that dropout in a resumed run repeats the first run's.

    A step draws the same numbers however many steps a Lightning batch holds.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        state = mix("step", self.seed, batches_begun(trainer) - 1, trainer.global_rank)
        seed_generators(state, pl_module.device)
