"""Reads the files in a run's folder."""

from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradexp.reports.event_folder import event_folder
from tests.engine.several_steps import exactly


def events(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(event_folder(folder)), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    accumulator.Reload()
    return accumulator


def checkpoint(folder: Path, name: str = "last") -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return loaded


def assert_same(one: Path, other: Path) -> None:
    for name in ("last", "best"):
        first, second = checkpoint(one, name), checkpoint(other, name)
        for key in ("state_dict", "optimizer_states", "lr_schedulers", "loops", "global_step", "epoch"):
            assert exactly(first[key]) == exactly(second[key]), (name, key)
        for tensor_name, tensor in first["state_dict"].items():
            assert torch.equal(tensor, second["state_dict"][tensor_name]), (name, tensor_name)
