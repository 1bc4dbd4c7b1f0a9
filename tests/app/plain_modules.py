"""Plain LightningModules, which use nothing of gradexp."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F

Batch = tuple[Tensor, Tensor]


class Plain(LightningModule):
    """Logs val_loss, as Lightning's own examples do."""

    val_name: str | None = "val_loss"

    def __init__(self, width: int = 8, lr: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.layers(inputs)
        return outputs

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if self.val_name is not None:
            self.log(self.val_name, F.cross_entropy(self(batch[0]), batch[1]), batch_size=len(batch[0]))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        outputs = self(batch[0])
        self.log("test_accuracy", (outputs.argmax(1) == batch[1]).float().mean(), batch_size=len(batch[0]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.lr, momentum=0.9)


class Slashed(Plain):
    """Logs val/loss, and takes the sizes of the data as arguments."""

    val_name = "val/loss"

    def __init__(self, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_features, num_classes))


class Silent(Plain):
    """Logs nothing in validation."""

    val_name = None


class Scheduled(Plain):
    """Has a learning rate schedule by epochs, and logs training metrics."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("train_loss", loss, on_step=True, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


class TrainingOnly(LightningModule):
    """Has no validation and test steps."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return F.cross_entropy(self.layer(batch[0].flatten(1)), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())
