"""A user's callback that says where a job ran."""

import os
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class Witness(Callback):
    """Leaves the process's number and its threads in the job's folder."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        Path(trainer.default_root_dir, "witness.txt").write_text(f"{os.getpid()} {torch.get_num_threads()}")
