"""Checkpoints: a real one, with inner parts removed, replaced and retyped, or with bytes cut and flipped."""

import shutil
from pathlib import Path
from random import Random

import torch

from tests.fuzz import binaries, structures
from tests.fuzz.case import Drawn
from tests.fuzz.small import limited, succeed
from tests.fuzz.tables import plain_table

COMMANDS = (
    ["task=test"],
    ["task=predict"],
    ["task=train", "trainer.max_epochs=2"],
    ["task=train", "trainer.max_epochs=3"],
    ["task=audit"],
)
# The parts of a checkpoint that gradexp itself reads.
PARTS = ("config", "callbacks", "loops", "optimizer_states", "lr_schedulers", "state_dict", "Blobs", "Table", "")


def prepare(folder: Path) -> None:
    """A run on two clouds, and one on a table."""
    (folder / "t.csv").write_bytes(plain_table())
    small = limited("trainer.max_epochs=2", "model.hidden=[3]", "test=false", "data.batch_size=20")
    succeed("data=blobs", "data.num_samples=40", "scheduler=step", *small, f"hydra.run.dir={folder}/blobs")
    table = ("data=table", f"data.path={folder}/t.csv", "data.target=kind")
    succeed(*table, *small, f"hydra.run.dir={folder}/table")


def draw(random: Random, base: Path) -> Drawn:
    run = random.choice(("blobs", "table"))
    shutil.copytree(base / run, "run")
    path = Path("run", "checkpoints", random.choice(("last.ckpt", "best.ckpt")))
    if random.random() < 0.25:
        content, change = binaries.mutated(path.read_bytes(), random)
        path.write_bytes(content)
        changes = [change]
    else:
        changes = _restructured(path, random)
    if random.random() < 0.2:
        path = path.rename(random.choice(("a b.ckpt", "ä.ckpt", "[1].ckpt", "x.ckpt", "run/checkpoints/x=1.ckpt")))
    quoted = f"ckpt_path='{path}'"
    command = random.choice(COMMANDS)
    return Drawn([[*command, quoted, *limited(*command)[len(command) :]]], [f"{run}: {path}", *changes])


def _restructured(path: Path, random: Random) -> list[str]:
    checkpoint = torch.load(path, weights_only=True)
    changes = []
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        part = random.choice(PARTS)
        if isinstance(checkpoint, dict) and part in checkpoint and random.random() < 0.95:
            checkpoint[part], change = structures.mutate(checkpoint[part], random, tensors=True)
        else:
            checkpoint, change = structures.mutate(checkpoint, random, tensors=True)
        changes.append(f"{part}: {change}")
    torch.save(checkpoint, path)
    return changes
