"""Users' callbacks that count what really happens, or die on purpose."""

import os
import signal
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from tests.waiting import wait_until


class Ends(Callback):
    """Writes a line into ends.txt beside the sweep's jobs whenever a test ends, a job's last act."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        job = Path(trainer.default_root_dir)
        with (job.parent / "ends.txt").open("a") as file:
            file.write(f"{job.name}\n")


class Dies(Callback):
    """Kills its own process in job 1, whenever it comes to it; the first time once job 0 is over."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        job = Path(trainer.default_root_dir)
        if job.name == "1":
            wait_until((job.parent / "0" / "metrics.json").exists, "the end of job 0")
            with (job / "deaths.txt").open("a") as file:
                file.write("here\n")
            os.kill(os.getpid(), signal.SIGKILL)
