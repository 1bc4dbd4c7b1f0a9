"""Curves read from event files, of which earlier ones have other tags."""

from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from gradexp.reports.curves import curves, scalars


def write(folder: Path, tags: dict[str, list[int]]) -> None:
    """Write scalars with a point at each of these steps."""
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for tag, steps in tags.items():
            for step in steps:
                writer.add_scalar(tag, step / 2, step)


@pytest.mark.parametrize("asked", ["lr", "train/lr"])
@pytest.mark.parametrize(
    "written",
    [{"lr": [1, 2, 3]}, {"train/lr": [1, 2, 3]}, {"train/lr": [2, 3], "lr": [1]}],
    ids=["earlier", "today", "an earlier run, resumed today"],
)
def test_a_scalar_is_found_by_both_its_names(tmp_path: Path, written: dict[str, list[int]], asked: str) -> None:
    write(tmp_path, {**written, "val/loss": [3]})
    assert curves(tmp_path, [asked, "train/loss"]) == {asked: ([1, 2, 3], [0.5, 1.0, 1.5])}
    assert sorted(scalars(tmp_path)) == ["train/lr", "val/loss"]
