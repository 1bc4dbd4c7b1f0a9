"""Why accuracy cannot be the objective of gradient descent."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.nn import functional as F

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.callbacks.report import Report
from gradexp.engine.precision import at_least_single, inputs_for
from gradexp.models import LogisticRegression

SAMPLES = 2000
POINTS = 801  # values of the weight
MOVES = ((0.4, 0.45), (0.499, 0.501))  # probabilities of the right class before and after a step


class AccuracyAndLoss(Report):
    """After the fit of a logistic regression: accuracy and loss along its largest weight, and for one sample.

    Accuracy is constant between jumps: its gradient is zero wherever it exists, and gives no direction of descent.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, LogisticRegression) or not hasattr(datamodule, "sample"):
            return
        inputs, targets = datamodule.sample(SAMPLES)
        weight = pl_module.network.get_parameter("weight").detach().cpu()[0]
        largest = int(weight.abs().argmax())
        learned = float(weight[largest])
        reach = 3 * max(abs(learned), 1.0)
        values = torch.linspace(learned - reach, learned + reach, POINTS)
        with torch.no_grad():
            logits = at_least_single(pl_module(inputs_for(pl_module, inputs))).cpu()
        moved = logits.T + (values - learned).unsqueeze(1) * inputs[:, largest]  # [points, samples]
        accuracy = ((moved > 0) == (targets == 1)).double().mean(dim=1)
        expanded = targets.to(moved.dtype).expand_as(moved)
        loss = F.binary_cross_entropy_with_logits(moved, expanded, reduction="none").mean(dim=1)
        flat = (accuracy.diff() == 0).double().mean().item()
        moves = {move: (-math.log(move[0]), -math.log(move[1])) for move in MOVES}
        self.metrics["accuracy/flat_share"] = flat
        self.notes.append(
            f"along weight {largest + 1}, accuracy is constant on {flat:.0%} of {POINTS - 1} small steps, the loss on "
            f"{(loss.diff() == 0).double().mean().item():.0%}"
        )
        for (before, after), losses in moves.items():
            self.notes.append(
                f"one sample, probability of its class {before:g} -> {after:g}: accuracy {int(before > 0.5)} -> "
                f"{int(after > 0.5)}, loss {losses[0]:.4f} -> {losses[1]:.4f}"
            )
        if self.draw:
            figure = figures.accuracy_and_loss(
                values.numpy(), accuracy.numpy(), loss.numpy(), learned, f"weight {largest + 1}", moves
            )
            publish(trainer, "accuracy_and_loss", figure)
