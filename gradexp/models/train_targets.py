"""The targets of the training samples, from which a loss takes balanced class weights."""

from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from gradexp.engine.batches import pair_of


def train_targets(trainer: Trainer) -> Tensor:
    """All training targets [samples], from the data module if it gives them, else from a pass over the loader.

    Raises:
        ValueError: The data module has no train_targets(), and several processes each see a part of the data.
    """
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]  # the Trainer class does not declare it
    if hasattr(datamodule, "train_targets"):
        targets: Tensor = datamodule.train_targets()
        return targets
    if trainer.world_size > 1:
        raise ValueError(
            "loss.class_weight must be a list of numbers if several processes each see a part of the training data "
            "and the data module has no train_targets(); got 'balanced'."
        )
    return torch.cat([pair_of(batch)[1].cpu() for batch in trainer.train_dataloader])  # type: ignore[union-attr]
