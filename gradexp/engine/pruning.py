"""Masks of Lightning's ModelPruning in checkpoints, so that pruned weights stay zero in a resumed fit."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelPruning
from torch import Tensor
from torch.nn.utils import prune

from gradexp.engine.lightning_internals import callbacks_of, share_lottery_tickets

ORIGINAL, MASK = "_orig", "_mask"  # torch's suffixes of a pruned parameter's value and its mask


class SaveMasks(Callback):
    """Saves the masks of pruned parameters and their values without them, and prunes them again in a resumed fit.

    ModelPruning saves the product of the two, as an unpruned model needs it. It comes later in the list of callbacks,
    as it removes the masks when the fit ends.
    """

    def __init__(self) -> None:
        self._masks: dict[str, dict[str, Tensor]] = {}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._masks = checkpoint.get("masks", {})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # The optimizer has been built: pruning changes the order of the parameters.
        for name, saved in self._masks.items():
            owner, _, parameter = name.rpartition(".")
            module = pl_module.get_submodule(owner)
            value: Tensor = getattr(module, parameter)
            value.data.copy_(saved["value"])
            prune.custom_from_mask(module, parameter, saved["mask"].to(value.device))  # type: ignore[no-untyped-call]
        for callback in callbacks_of(trainer) if self._masks else ():
            if isinstance(callback, ModelPruning):
                share_lottery_tickets(callback)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._masks = _masks(pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        masks = _masks(pl_module) or self._masks
        if masks:
            checkpoint["masks"] = masks


def _masks(module: LightningModule) -> dict[str, dict[str, Tensor]]:
    """The mask of each pruned parameter, and its value without the mask."""
    state = module.state_dict()
    pruned = [name.removesuffix(MASK) for name in state if name.endswith(MASK)]
    names = [name for name in pruned if name + ORIGINAL in state]
    return {name: {"mask": state[name + MASK].cpu(), "value": state[name + ORIGINAL].cpu()} for name in names}
