"""The same fit by the engine and by Lightning's own loop: same network, data and settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.models import MLPRegressor
from gradexp.objective.optimizers import build_optimizer
from gradexp.objective.schedules import Fit, build_schedules
from tests.engine.several_steps import Logged, data, exactly, trainer_for

BATCHES = {"batch_size": 8, "repeat": 5}  # 20 per epoch, of 8, 8, 8 and 6 samples
SGD = {"_target_": "torch.optim.SGD", "lr": 0.05, "momentum": 0.9}


class Plain(LightningModule):
    """A typical module for Lightning's own loop."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: dict[str, Any],
        scheduler: dict[str, Any] | None = None,
        monitor: str = "val/loss",
    ) -> None:
        super().__init__()
        self.network, self.optimizer, self.scheduler, self.monitor = network, optimizer, scheduler, monitor

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = F.mse_loss(self.network(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val/loss", F.mse_loss(self.network(batch[0]), batch[1]), batch_size=len(batch[0]))

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(self.parameters(), self.optimizer)
        if self.scheduler is None:
            return optimizer
        steps = self.trainer.estimated_stepping_batches
        return [optimizer], build_schedules(optimizer, self.scheduler, Fit(lambda: steps, self.monitor, "min"))


class Steps(Callback):
    """Records weights and learning rates after each optimizer step, bit for bit."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        optimizer = trainer.optimizers[0]

        def record(*_: Any) -> None:
            rates = [group["lr"] for group in optimizer.param_groups]
            self.seen.append((exactly(list(pl_module.parameters())), rates))

        optimizer.register_step_post_hook(record)


@dataclass
class Run:
    """A finished fit."""

    trainer: Trainer
    module: LightningModule
    steps: list[Any]
    logged: Logged
    callbacks: list[Callback] = field(default_factory=list)

    @property
    def weights(self) -> Any:
        return exactly(list(self.module.parameters()))

    def lr(self) -> list[tuple[int | None, float]]:
        """The rates that LearningRateMonitor logged, by step."""
        return [
            (step, v) for step, values in self.logged.entries for name, v in values.items() if name.startswith("lr-")
        ]


_made: dict[str | None, Run] = {}


def train(
    stepped: bool,
    *callbacks: Callback,
    at_once: int = 18,
    ckpt_path: Path | None = None,
    batches: dict[str, Any] = BATCHES,
    batch_norm: bool = False,
    optimizer: dict[str, Any] = SGD,
    scheduler: dict[str, Any] | None = None,
    monitor: str = "val/loss",
    **trainer: Any,
) -> Run:
    """Fit with the engine (`stepped`), `at_once` steps at once, or with Lightning's own loop.

    A fit without callbacks is made once for all tests with the same settings.
    """
    settings = (stepped and at_once, batches, batch_norm, optimizer, scheduler, monitor, trainer)
    key = None if callbacks or ckpt_path else repr(settings)
    if key in _made:
        return _made[key]
    torch.manual_seed(0)
    model = MLPRegressor(2, 1, (8,), batch_norm=batch_norm, optimizer=optimizer, scheduler=scheduler, monitor=monitor)
    module = model if stepped else Plain(model.network, optimizer, scheduler, monitor)
    steps, logged = Steps(), Logged()
    fitted = trainer_for(logged, steps, *callbacks, **({"max_epochs": 3} | trainer))
    torch.manual_seed(1)
    fitted.fit(module, datamodule=data(at_once, **batches), ckpt_path=ckpt_path, weights_only=True)
    run = Run(fitted, module, steps.seen, logged, list(callbacks))
    if key is not None:
        _made[key] = run
    return run


def assert_same_steps(engine: Run, lightning: Run) -> None:
    assert engine.module.takes_steps
    assert not hasattr(lightning.module, "takes_steps")
    assert engine.trainer.global_step == lightning.trainer.global_step == len(lightning.steps) > 0
    for number, (ours, theirs) in enumerate(zip(engine.steps, lightning.steps, strict=True), start=1):
        assert ours == theirs, f"step {number}"
    assert engine.weights == lightning.weights
    assert engine.trainer.current_epoch == lightning.trainer.current_epoch
