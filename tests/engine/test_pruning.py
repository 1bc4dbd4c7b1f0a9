"""A pruned model that is resumed keeps its masks, and ends as the uninterrupted one, bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelPruning

from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.pruning import SaveMasks
from gradexp.models import MLPRegressor
from tests.engine.several_steps import Fit, exactly, fit

ADAM = {"_target_": "torch.optim.Adam", "lr": 0.01}


def part(folder: Path, max_epochs: int, *, lottery: bool, resume: bool = False) -> Fit:
    torch.manual_seed(0)  # the initial weights, which the lottery ticket goes back to
    prune = ModelPruning("l1_unstructured", amount=0.3, use_lottery_ticket_hypothesis=lottery)
    checkpoints = Checkpoints(folder, "train/loss", "min", {})
    settings: dict[str, Any] = {"model_class": MLPRegressor, "hidden": (8,), "optimizer": ADAM, "l2": 0.01}
    limits = {"max_epochs": max_epochs}
    path = checkpoints.last_path if resume else None
    return fit(1, SaveMasks(), prune, checkpoints, trainer=limits, ckpt_path=path, epoch={"batch_size": 16}, **settings)


@pytest.mark.parametrize("lottery", [False, True])
def test_a_resumed_fit_keeps_the_masks(lottery: bool, own_folder: Path) -> None:
    whole = part(own_folder / "whole", 4, lottery=lottery)
    half = part(own_folder / "cut", 2, lottery=lottery)
    masks = torch.load(own_folder / "cut" / "last.ckpt", weights_only=True)["masks"]
    assert any((saved["mask"] == 0).any() for saved in masks.values())
    assert part(own_folder / "cut", 2, lottery=lottery, resume=True).state["weights"] == half.state["weights"]
    resumed = part(own_folder / "cut", 4, lottery=lottery, resume=True)
    assert resumed.state["weights"] == whole.state["weights"]
    ends = [torch.load(own_folder / name / "last.ckpt", weights_only=True) for name in ("whole", "cut")]
    for key in ("state_dict", "masks", "optimizer_states"):
        assert exactly(ends[0][key]) == exactly(ends[1][key]), key
