"""What is walked, the command that goes on after it has ended early, and what must then be equal."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.run_folder import checkpoint, events
from tests.sweeps.small import UNREPORTED

Command = tuple[str, ...]
# What differs from run to run, and asked_hash: a resume asks for a checkpoint.
VARYING = ("seconds/", "train/samples_per_second", "asked_hash")

SHORT = (
    "data=xor",
    "model=small_mlp",
    "data.repeat=2",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=2",
    "figures=false",
)


@dataclass(frozen=True)
class Scenario:
    """A command whose operations on files are walked.

    Attributes:
        command: The command; its working folder is empty, or a copy of what `before` leaves.
        go_on: The command that a user types when it has ended early, given the working folder.
        before: The command that comes before it; None if there is none.
    """

    command: Command
    go_on: Callable[[Path], Command]
    before: Command | None = None


def _resumed_run(folder: Path) -> Command:
    last = "run/checkpoints/last.ckpt"
    return (f"ckpt_path={last}", "figures=false") if (folder / last).is_file() else RUN


def _resumed_sweep(folder: Path) -> Command:
    return ("-m", UNREPORTED, "sweep.resume=sweep") if (folder / "sweep" / "manifest.json").is_file() else SWEEP


RUN: Command = (*SHORT, "hydra.run.dir=run")
SWEEP: Command = ("-m", UNREPORTED, *SHORT, "seed=0,1,2", "hydra.sweep.dir=sweep")
REPORT: Command = ("-m", "sweep.resume=sweep")

SCENARIOS = {
    "run": Scenario(RUN, _resumed_run),
    "sweep": Scenario(SWEEP, _resumed_sweep),
    "report": Scenario(REPORT, lambda _: REPORT, before=SWEEP),
}


def content(folder: Path) -> dict[str, Any]:
    """What a command has left in its working folder, by file; without what differs from run to run."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.name == "metrics.json":
            found[name] = _lasting(json.loads(path.read_text()))
        elif path.suffix == ".ckpt":
            saved = checkpoint(path.parents[1], path.stem)
            found[name] = {key: repr(saved[key]) for key in ("optimizer_states", "lr_schedulers", "loops")}
            found[name] |= {tensor: values.numpy().tobytes() for tensor, values in saved["state_dict"].items()}
        elif path.name == "tensorboard":
            found[name] = _curves(path.parent)
        elif path.name == "sweep.csv":
            found[name] = [_lasting(row) for row in csv.DictReader(path.read_text().splitlines())]
        elif path.suffix in (".png", ".html", ".log", ".yaml") and "resumed_" not in name:
            found[name] = "exists"
        elif path.name.endswith("~"):
            found[name] = "is a temporary file"
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The files, with the entries in them, that differ."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        first, second = one.get(name, "missing"), other.get(name, "missing")
        if isinstance(first, dict) and isinstance(second, dict):
            keys = [key for key in sorted(first.keys() | second.keys()) if first.get(key) != second.get(key)]
            found += [f"{name}: {key}: {str(first.get(key))[:60]} / {str(second.get(key))[:60]}" for key in keys]
        elif first != second:
            found.append(f"{name}: {str(first)[:60]} / {str(second)[:60]}")
    return found


def _lasting(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith(VARYING)}


def _curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    log = events(run)
    return {
        tag: [(point.step, point.value) for point in log.Scalars(tag)]
        for tag in log.Tags()["scalars"]
        if not tag.startswith(VARYING)
    }
