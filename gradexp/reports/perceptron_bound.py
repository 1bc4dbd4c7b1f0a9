"""How often Rosenblatt's perceptron corrected itself, beside the most that it can."""

import warnings
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp.callbacks.report import Report
from gradexp.models import Rosenblatt

SAMPLES = 5000  # the support vector machine's cost grows with their square


class PerceptronBound(Report):
    """After the fit of a Rosenblatt perceptron: its corrections, and Novikoff's bound on them, (R / margin)^2.

    Any separating plane gives a valid bound; the one taken is a support vector machine's.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, Rosenblatt) or not hasattr(datamodule, "sample"):
            return
        made = int(pl_module.corrections)
        self.metrics["perceptron/corrections"] = float(made)
        inputs, targets = datamodule.sample(SAMPLES)
        found = radius_and_margin(inputs, targets)
        if found is None:
            self.notes.append(
                f"{made:,} corrections in {trainer.current_epoch} epochs: no line separates the classes, so the rule "
                "never comes to rest (a hidden layer can: +experiment=xor)"
            )
            return
        if datamodule.batch_size != 1:
            self.notes.append(
                f"{made:,} corrections, summed over batches; their number has a bound one sample at a time only "
                "(data.batch_size=1)"
            )
            return
        radius, margin = found
        bound = (radius / margin) ** 2
        self.metrics |= {"perceptron/radius": radius, "perceptron/margin": margin, "perceptron/bound": bound}
        self.notes.append(
            f"{made:,} corrections; on these samples there can be at most (R / margin)^2 = "
            f"({radius:.3f} / {margin:.4f})^2 = {bound:,.0f}"
        )


def radius_and_margin(inputs: Tensor, targets: Tensor) -> tuple[float, float] | None:
    """R and the margin of separable samples, each with a 1 for the bias; None where no plane separates them.

    Args:
        inputs: Samples [samples, ...].
        targets: Their classes, 0 or 1 [samples].
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import SVC  # costs a second, so only where it is used

    samples, signs = inputs.flatten(1).double().numpy(), 2 * targets.numpy() - 1
    if abs(signs.sum()) == len(signs):
        return None  # one class only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where no plane separates, it never does
        machine = SVC(kernel="linear", C=1e8, max_iter=200_000).fit(samples, signs)
    plane = np.append(machine.coef_[0], machine.intercept_)
    extended = np.hstack([samples, np.ones((len(samples), 1))])
    margin = float((signs * (extended @ plane)).min() / np.linalg.norm(plane))
    return (float(np.linalg.norm(extended, axis=1).max()), margin) if margin > 0 else None
