"""A plain Lightning trainer for the tests of models: no logger, no files, float64."""

from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor, nn

from gradexp.data import AbstractDataModule, BatchLoader, BatchOrder, TensorSource

Array = npt.NDArray[np.float64]

LBFGS: dict[str, Any] = {
    "_target_": "torch.optim.LBFGS",
    "max_iter": 50,
    "tolerance_grad": 1e-12,
    "tolerance_change": 1e-15,
}
LBFGS |= {"line_search_fn": "strong_wolfe"}


class TrainingOnly(LightningDataModule):
    """Batches for a fit without validation."""

    def __init__(self, loader: BatchLoader) -> None:
        super().__init__()
        self.loader = loader

    def train_dataloader(self) -> BatchLoader:
        return self.loader

    def val_dataloader(self) -> list[BatchLoader]:
        return []


def fitted(model: LightningModule, data: AbstractDataModule | BatchLoader, **arguments: Any) -> Trainer:
    """The trainer after a fit of the model."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False}
    settings: dict[str, Any] = {"accelerator": "cpu", "precision": "64-true", "max_epochs": 1, "limit_val_batches": 0}
    trainer = Trainer(**(quiet | settings | arguments))
    trainer.fit(model, datamodule=TrainingOnly(data) if isinstance(data, BatchLoader) else data)
    return trainer


def full_batches(inputs: Tensor, targets: Tensor, steps: int) -> BatchLoader:
    """An epoch of `steps` full batches."""
    return BatchLoader(TensorSource(inputs, targets), BatchOrder(len(inputs), None, repeat=steps))


def as_numpy(tensor: Any) -> Array:
    values: Array = tensor.detach().double().numpy().copy()
    return values


def parameters(model: nn.Module) -> list[Array]:
    return [as_numpy(parameter) for parameter in model.parameters()]


class Recorder(Callback):
    """Records all parameters as one row, at the start and after every batch."""

    def __init__(self) -> None:
        self.rows: list[Array] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._record(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._record(pl_module)

    def _record(self, model: nn.Module) -> None:
        self.rows.append(np.concatenate([values.ravel() for values in parameters(model)]))
