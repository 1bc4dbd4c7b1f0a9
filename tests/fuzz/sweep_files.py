"""A sweep's and a run's files: manifest.json, metrics.json, the YAML files of .hydra, event files, checkpoints."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.fuzz import binaries, structures
from tests.fuzz.case import Drawn
from tests.fuzz.small import limited, succeed

JOB_FILES = (
    "metrics.json",
    "metrics.json",
    ".hydra/config.yaml",
    ".hydra/overrides.yaml",
    ".hydra/hydra.yaml",
    "checkpoints/last.ckpt",
    "test_correct.json",
)
NO_REPORT = "~hydra.callbacks.write_report"  # a report takes longer than the jobs


def prepare(folder: Path) -> None:
    """A sweep of six jobs, with its report."""
    small = limited("data=blobs", "data.num_samples=40", "model.hidden=[2]", "data.batch_size=20")
    succeed("-m", *small, "optimizer.lr=0.1,0.01", "seed=0,1,2", f"hydra.sweep.dir={folder}/sweep")


def draw(random: Random, base: Path) -> Drawn:
    shutil.copytree(base / "sweep", "sweep")
    paths = [path for path in sorted(Path("sweep").rglob("*")) if path.is_file()]
    changes = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        which = random.random()
        if which < 0.35:
            path = Path("sweep", "manifest.json")
        elif which < 0.9:
            path = Path("sweep", str(random.randrange(6)), random.choice(JOB_FILES))
        else:
            path = random.choice(paths)
        changes.append(f"{path}: {_changed(path, random)}")
    if random.random() < 0.3:
        shutil.rmtree(f"sweep/{random.randrange(6)}", ignore_errors=True)
        changes.append("a job's folder removed")
    command = random.choice(
        (
            ["task=report", "sweep_dir=sweep"],
            ["task=report", f"sweep_dir=sweep/{random.randrange(6)}"],
            ["task=compare", "compare.folders=[sweep]", *random.choice(([], ["compare.metric=test/accuracy"]))],
            ["task=compare", "compare.folders=[sweep/0,sweep/3]"],
        )
    )
    if random.random() < 0.5:
        command = ["-m", "sweep.resume=sweep", *([NO_REPORT] if random.random() < 0.8 else [])]
    return Drawn([command], changes)


def _changed(path: Path, random: Random) -> str:
    if not path.is_file():
        return "missing already"
    what = random.random()
    if what < 0.1:
        path.unlink()
        return "removed"
    if what < 0.14:
        path.unlink()
        path.mkdir()
        return "a folder"
    if what < 0.18:
        path.unlink()
        target = random.choice(("nowhere", ".", "/dev/null", "../../sweep/manifest.json", path.name))
        path.symlink_to(target)
        return f"a link to {target}"
    if what < 0.35 or path.suffix not in (".json", ".yaml"):
        content, change = binaries.mutated(path.read_bytes(), random)
        path.write_bytes(content)
        return change
    return _restructured(path, random)


def _restructured(path: Path, random: Random) -> str:
    before = path.read_bytes()
    try:
        text = before.decode()
        content: Any = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        content, change = structures.mutate(content, random)
        write = json.dumps if path.suffix == ".json" else yaml.safe_dump
        path.write_text(write(content))
    except (ValueError, TypeError, yaml.YAMLError):  # an earlier change broke the file, or the value has no such form
        path.write_bytes(before)
        return "unchanged"
    return change
