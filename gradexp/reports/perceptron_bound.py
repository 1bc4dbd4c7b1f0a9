"""The number of corrections of Rosenblatt's perceptron, and its upper bound."""

import warnings
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp.callbacks.report import Report
from gradexp.models import Rosenblatt
from gradexp.rules.words import counted

MAX_SAMPLES = 5000  # the cost of the support vector machine is quadratic in them


class PerceptronBound(Report):
    """After the fit of a Rosenblatt perceptron: its corrections, and Novikoff's bound on them, (R / margin)^2.

    Any separating plane gives a valid bound; a support vector machine's is used.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, Rosenblatt) or not hasattr(datamodule, "sample"):
            return
        self.metrics["perceptron/corrections"] = float(pl_module.corrections)
        corrections = counted(int(pl_module.corrections), "correction")
        inputs, targets = datamodule.sample(MAX_SAMPLES)
        radius_margin = radius_and_margin(inputs, targets)
        if radius_margin is None:
            self.notes.append(
                f"{corrections} in {counted(trainer.current_epoch, 'epoch')}: no line separates the classes, so the "
                "rule never converges (a hidden layer separates them: +experiment=xor)"
            )
            return
        if datamodule.batch_size != 1:
            self.notes.append(
                f"{corrections}, summed over batches; they have a guaranteed bound only for batches of "
                "one sample (data.batch_size=1)"
            )
            return
        radius, margin = radius_margin
        bound = (radius / margin) ** 2
        self.metrics |= {"perceptron/radius": radius, "perceptron/margin": margin, "perceptron/bound": bound}
        self.notes.append(
            f"{corrections}; the upper bound for these samples is (R / margin)^2 = "
            f"({radius:.3f} / {margin:.4f})^2 = {bound:,.0f}"
        )


def radius_and_margin(inputs: Tensor, targets: Tensor) -> tuple[float, float] | None:
    """R and the margin of samples [samples, ...] of classes 0 and 1 [samples]; None if no plane separates them.

    Each sample is extended by a 1 for the bias.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import SVC  # takes a second to import

    samples, signs = inputs.flatten(1).double().numpy(), 2 * targets.numpy() - 1
    if abs(signs.sum()) == len(signs):
        return None  # a single class
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # if no plane separates the classes
        machine = SVC(kernel="linear", C=1e8, max_iter=200_000).fit(samples, signs)
    plane = np.append(machine.coef_[0], machine.intercept_)
    extended = np.hstack([samples, np.ones((len(samples), 1))])
    margin = float((signs * (extended @ plane)).min() / np.linalg.norm(plane))
    return (float(np.linalg.norm(extended, axis=1).max()), margin) if margin > 0 else None
