"""The small sweep that runs on every launcher, and its table."""

import os
from pathlib import Path

import pytest
import torch

from tests.command_line import call
from tests.sweeps.launch.witness import WITNESS
from tests.sweeps.small import UNREPORTED, table

Rows = list[dict[str, str]]

SWEEP = ("-m", "optimizer.lr=1e-3,1e-2", "trainer.max_epochs=1", "hydra.sweep.dir=sweep", *WITNESS, UNREPORTED)


def rows(folder: Path = Path("sweep")) -> Rows:
    """sweep.csv without the columns that differ between runs: durations, folder, and the checkpoint resumed from."""
    varying = ("seconds/", "folder", "ckpt_path")
    return [{key: value for key, value in row.items() if not key.startswith(varying)} for row in table(folder)]


@pytest.fixture(scope="session")
def on_basic(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The sweep's table with Hydra's basic launcher, on one thread like a worker: sums are added in the same order."""
    threads, before = torch.get_num_threads(), Path.cwd()
    torch.set_num_threads(1)
    os.chdir(tmp_path_factory.mktemp("basic"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            assert call(patch, *SWEEP) is None
        return rows()
    finally:
        torch.set_num_threads(threads)
        os.chdir(before)
