"""A user's callback that records where a job ran."""

import json
import os
import sys
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

WITNESS = ("+callbacks.witness._target_=tests.sweeps.launch.witness.Witness", "trusted_packages=[gradexp,tests]")


class Witness(Callback):
    """Adds a line to witness.txt in the job's folder whenever a fit begins."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        seen = {"process": os.getpid(), "threads": torch.get_num_threads(), "step": trainer.global_step}
        if "ray" in sys.modules:
            seen["node"] = sys.modules["ray"].get_runtime_context().get_node_id()
        with Path(trainer.default_root_dir, "witness.txt").open("a") as file:
            file.write(json.dumps(seen) + "\n")


def sightings(job: int, folder: Path = Path("sweep")) -> list[dict[str, int | str]]:
    """The records of each fit of a job."""
    return [json.loads(line) for line in (folder / str(job) / "witness.txt").read_text().splitlines()]
