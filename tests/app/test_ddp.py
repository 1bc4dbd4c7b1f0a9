"""Two processes that each take half of every batch train as one process does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gradexp import run
from gradexp.app.tasks.restore import module_of_run
from tests.run_folder import checkpoint

pytestmark = pytest.mark.slow


def test_two_processes_train_and_test_as_one_process_does(own_folder: Path) -> None:
    settings = ["optimizer=momentum", "trainer.max_epochs=2", "figures=false"]
    settings += ["trainer.accumulate_grad_batches={0:1,1:3}", "trainer.gradient_clip_val=1"]
    shared = ["data.batch_size=16", "trainer=ddp_cpu", "hydra.run.dir=two"]
    done = subprocess.run(
        [sys.executable, "-m", "gradexp", *settings, *shared], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("folder: two") == 1, "only one process prints"
    files = sorted(path.name for path in Path("two/.hydra").rglob("*"))
    assert files == ["config.yaml", "hydra.yaml", "overrides.yaml"]
    assert "train_ddp_process" not in Path("two/.hydra/hydra.yaml").read_text(), "the first process wrote them"
    one = run(*settings, "data.batch_size=32", "trainer=cpu")
    two = json.loads(Path("two/metrics.json").read_text())
    for name in ("train/loss", "val/loss", "test/loss", "train/accuracy", "val/accuracy", "test/accuracy"):
        assert two[name] == pytest.approx(one.metrics[name], rel=1e-3), name
    weights = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (own_folder / "two", one.folder)
    ]
    module = module_of_run(own_folder / "two")
    assert module is not None
    best = checkpoint(own_folder / "two", "best")["state_dict"]
    assert all(torch.equal(tensor, best[name]) for name, tensor in module.state_dict().items())
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], rtol=1e-3, atol=1e-5)
