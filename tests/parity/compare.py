"""Compares what a job leaves on the two launchers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from gradexp.app.vectorized.launcher import VectorizedLauncher
from gradexp.sweeps.launch.jobs import BasicLauncher
from tests.app.vectorized.comparison import differences
from tests.parity.sides import Recorded, digest, run


@dataclass
class Verdict:
    """How the two paths of one job compare.

    Attributes:
        job: Its command line.
        faults: What differs beyond rounding.
        is_stacked: Whether a stack trained it.
        is_sensitive: Whether on the ordinary path it differs as well if the initial weights differ in their last bits.
        status: How the job ended, and the `reason` if it failed.
    """

    job: list[str]
    faults: list[str] = field(default_factory=list)
    is_stacked: bool = False
    is_sensitive: bool = False
    status: str = ""
    reason: str = ""


def compared(jobs: Sequence[list[str]], name: str) -> list[Verdict]:
    """Run jobs on both launchers in folders of the current one, and compare all that they leave."""
    recorded, returns = {}, {}
    for launcher in (BasicLauncher(), VectorizedLauncher()):
        side = "basic" if isinstance(launcher, BasicLauncher) else "vectorized"
        recorded[side], returns[side] = run(launcher, jobs, f"{name}-{side}")
    verdicts = []
    for number, job in enumerate(jobs):
        here, there = (recorded[launcher].get(number) for launcher in ("basic", "vectorized"))
        folders = [Path(f"{name}-{launcher}", str(number)) for launcher in ("basic", "vectorized")]
        verdict = Verdict(job)
        verdicts.append(verdict)
        contents = [json.loads((folder / "metrics.json").read_text()) for folder in folders]
        verdict.status = contents[0]["status"]
        verdict.reason = str(contents[0].get("reason", ""))
        if returns["basic"][number].status != returns["vectorized"][number].status:
            verdict.faults.append("the job returns differ")
        if verdict.status == "failed":
            verdict.faults += [f"metrics.json: {contents}"] if contents[0] != contents[1] else []
            continue
        verdict.is_stacked = there is not None and there.is_stacked
        if verdict.status == "diverged" and here is not None and there is not None:
            there.batches, there.masks = there.batches[: len(here.batches)], there.masks[: len(here.masks)]
        verdict.faults += _inputs(here, there)
        found = _beyond_rounding(folders, contents, here, verdict.status)
        if found and not verdict.faults:
            verdict.is_sensitive = _is_sensitive(job, f"{name}-{number}", folders[0])
        verdict.faults += found
    return verdicts


def _inputs(here: Recorded | None, there: Recorded | None) -> list[str]:
    """What the fits begin with and train on must be equal in every bit."""
    assert here is not None
    assert there is not None
    return [
        f"{part} differ"
        for part in ("weights", "batches", "masks")
        if getattr(here, part) != getattr(there, part) or (part != "masks" and not getattr(here, part))
    ]


def _beyond_rounding(folders: list[Path], contents: list[dict[str, Any]], here: Any, status: str) -> list[str]:
    if status == "diverged":
        keys = ("status", "reason", "steps", "epochs", "config_hash")
        found = [(f"metrics.json: {key}", *(one.get(key) for one in contents)) for key in keys]
        weights = (torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for folder in folders)
        found += [("last.ckpt", *({name: digest(value) for name, value in one.items()} for one in weights))]
        return [f"{name}: {one} and {other}" for name, one, other in found if one != other]
    return differences(*folders)


def _is_sensitive(job: list[str], name: str, folder: Path) -> bool:
    """Whether the last bits of the initial weights make a difference beyond rounding on the ordinary path.

    A metric that is a share of samples, for example, jumps when rounding moves one sample over the boundary.
    """
    run(BasicLauncher(), [job], f"{name}-perturbed", perturbed=True)
    return bool(differences(folder, Path(f"{name}-perturbed", "0")))
