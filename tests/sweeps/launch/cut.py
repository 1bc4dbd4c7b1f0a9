"""User callbacks that record completed jobs, or kill their process."""

import os
import signal
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from tests.waiting import wait_until


class Ends(Callback):
    """Adds a line to ends.txt in the sweep's folder when a test ends, the last action of a job."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        job = Path(trainer.default_root_dir)
        with (job.parent / "ends.txt").open("a") as file:
            file.write(f"{job.name}\n")


class Dies(Callback):
    """Kills the process of job 1 whenever the job starts to train, after the end of job 0."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        job = Path(trainer.default_root_dir)
        if job.name == "1":
            wait_until((job.parent / "0" / "metrics.json").exists, "the end of job 0")
            with (job / "deaths.txt").open("a") as file:
                file.write("here\n")
            os.kill(os.getpid(), signal.SIGKILL)
