"""Which weights best.ckpt holds, for scripted scores."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gradexp.engine.checkpoints import Checkpoints


class Scripted(LightningModule):
    """Counts its steps in its only parameter, and logs the given scores, one validation after the other."""

    def __init__(self, scores: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        self.steps = nn.Parameter(torch.zeros(()))
        self.scores = iter(scores)
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.optimizers().step()  # type: ignore[union-attr]  # counts the step
        with torch.no_grad():
            self.steps.add_(1)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        accuracy, loss = next(self.scores)
        self.log_dict({"val/accuracy": accuracy, "val/loss": loss})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(
    folder: Path, scores: Sequence[tuple[float, float]], monitor: str = "val/accuracy", **options: Any
) -> Checkpoints:
    """Two batches an epoch, one validation batch."""
    checkpoints = Checkpoints(folder, monitor, "min" if monitor == "val/loss" else "max", {})
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=len(scores),
        callbacks=[checkpoints],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )
    trainer.fit(Scripted(scores), DataLoader(torch.zeros(2, 1)), DataLoader(torch.zeros(1, 1)))  # type: ignore[arg-type]
    return checkpoints


def steps_in(checkpoint: Path) -> int:
    weights: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return int(weights["steps"])


NAN = math.nan
A, B, C = 0.5, 0.7, 0.9


@pytest.mark.parametrize(
    ("scores", "best_epoch"),
    [
        ([(A, 3.0), (C, 2.0), (B, 1.0)], 2),  # the better score, whatever the loss
        ([(C, 3.0), (C, 1.0), (C, 2.0)], 2),  # of equal scores the lower loss
        ([(C, 1.0), (C, 1.0), (A, 0.0)], 2),  # of equal losses the later
        ([(NAN, 1.0), (A, 2.0), (NAN, 0.0)], 2),  # an undefined score is no score
        ([(A, NAN), (A, 2.0), (A, 3.0)], 2),  # an undefined loss is no better than another
        ([(NAN, NAN), (NAN, NAN)], 2),  # nothing to compare: the last
    ],
)
def test_the_best_epoch(scores: list[tuple[float, float]], best_epoch: int, tmp_path: Path) -> None:
    checkpoints = fit(tmp_path, scores)
    assert steps_in(checkpoints.best_path) == 2 * best_epoch
    assert steps_in(checkpoints.last_path) == 2 * len(scores)
    assert checkpoints.best is not None
    assert (checkpoints.best.epoch, checkpoints.best.step) == (best_epoch, 2 * best_epoch)
    accuracy, loss = scores[best_epoch - 1]
    expected = (
        {} if math.isnan(accuracy) else {"val/accuracy": pytest.approx(accuracy), "val/loss": pytest.approx(loss)}
    )
    assert checkpoints.best.metrics == expected


def test_a_monitored_loss_is_better_when_lower_and_later_when_equal(tmp_path: Path) -> None:
    checkpoints = fit(tmp_path, [(A, 3.0), (C, 2.0), (B, 2.0), (C, 2.5)], "val/loss")
    assert steps_in(checkpoints.best_path) == 6


def test_weights_within_an_epoch_are_those_that_were_validated(tmp_path: Path) -> None:
    checkpoints = fit(tmp_path, [(A, 1.0), (B, 1.0), (C, 1.0), (B, 1.0)], val_check_interval=0.5, max_steps=4)
    assert steps_in(checkpoints.best_path) == 3
    assert checkpoints.best is not None
    assert (checkpoints.best.epoch, checkpoints.best.step) == (2, 3)


def test_a_score_counts_once_in_epochs_without_validation(tmp_path: Path) -> None:
    checkpoints = fit(tmp_path, [(C, 1.0), (A, 1.0), (A, 1.0), (A, 1.0)], check_val_every_n_epoch=2)
    assert steps_in(checkpoints.best_path) == 4
