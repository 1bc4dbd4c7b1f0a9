"""Two processes take single steps, whatever steps_per_execution says."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json
import torch
from lightning.pytorch import Trainer
from gradexp.data import LinearData
from gradexp.models import LinearRegression

if __name__ == "__main__":
    ends = []
    for steps_per_execution in (1, 50):
        torch.manual_seed(0)
        module = LinearRegression(2)
        data = LinearData((5.0, -2.0), num_samples=31, repeat=10, batch_size=4, steps_per_execution=steps_per_execution)
        trainer = Trainer(
            accelerator="cpu", devices=2, strategy="ddp_fork", max_epochs=2, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        )
        trainer.fit(module, datamodule=data)
        weights = [value.tolist() for value in module.state_dict().values()]
        ends.append([weights, trainer.global_step, module.automatic_optimization])
    print(json.dumps(ends))
"""


def test_two_processes_end_with_the_same_weights_whatever_steps_per_execution() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    single, several = json.loads(done.stdout.splitlines()[-1])
    assert several == single
