"""Small sweeps that train."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gradexp.sweeps.report.results import read_sweep, write_csv
from tests.command_line import call

UNREPORTED = "~hydra.callbacks.write_report"  # the report takes longer than the jobs
# A job takes 0.2 seconds: 26 steps.
REPORTED = (
    "-m",
    "model.hidden=[4]",
    "data.batch_size=100",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=10",
    "hydra.sweep.dir=sweep",
)
SMALL = (*REPORTED[:1], UNREPORTED, *REPORTED[1:])
RESUMED = ("-m", UNREPORTED, "sweep.resume=sweep")


def finished_sweep(root: Path, *line: str) -> Path:
    """Run a sweep in a folder, for several tests; returns the sweep's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GRADEXP_DATA_DIR", str(root / "data"))
        patch.setenv("HYDRA_FULL_ERROR", "0")
        patch.setenv("GRADEXP_FULL_ERROR", "0")
        assert call(patch, *line) is None
    return root / "sweep"


def jobs(folder: Path = Path("sweep")) -> list[dict[str, Any]]:
    """The jobs of the manifest."""
    content = json.loads((folder / "manifest.json").read_text())
    return list(content["jobs"].values())


def metrics(number: int, folder: Path = Path("sweep")) -> dict[str, Any]:
    """metrics.json of a job, without durations."""
    content: dict[str, Any] = json.loads((folder / str(number) / "metrics.json").read_text())
    return {key: value for key, value in content.items() if not key.startswith("seconds/")}


def table(folder: Path = Path("sweep")) -> list[dict[str, str]]:
    """Write sweep.csv from the folder's present content, and return its rows."""
    return list(csv.DictReader(write_csv(read_sweep(folder)).read_text().splitlines()))


def weights(job: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(job / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return loaded


def same_weights(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def stamps(folder: Path) -> dict[str, int]:
    """Modification time of each file."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
