"""How far the parameters are from a minimum of the objective, after a fit."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp.callbacks.report import Report
from gradexp.models import AbstractModule
from gradexp.objective.weights import weights

KEY = "optimality/violation"


class Optimality(Report):
    """Reports ``optimality/violation``, the largest violation of the conditions of a minimum over all training samples.

    With the gradient g of all but the l1 penalty, a minimum has g = 0 for a parameter without that penalty, g = -l1
    sign(w) for a weight w that is not 0, and |g| <= l1 for a weight that is (Tibshirani 2013, "The lasso problem and
    uniqueness", equation 3). For a convex objective these conditions suffice. The report is for our models, and takes
    all training samples as one batch.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, AbstractModule) or not hasattr(datamodule, "sample"):
            return
        samples = datamodule.sizes()["train"]
        inputs, targets = (part.to(pl_module.device) for part in datamodule.sample(samples))
        was_training = pl_module.training
        pl_module.eval()
        with torch.enable_grad():
            minimised = pl_module.loss(pl_module(inputs), targets) + pl_module.penalty()
            trained = {name: each for name, each in pl_module.named_parameters() if each.requires_grad}
            gradients = torch.autograd.grad(minimised, list(trained.values()), allow_unused=True)
        pl_module.train(was_training)
        objective = pl_module.objective
        penalised = {id(weight) for weight in weights(trained.items())}
        violations = []
        for parameter, gradient in zip(trained.values(), gradients, strict=True):
            if gradient is not None:
                l1 = objective.factor("l1") if id(parameter) in penalised else 0.0
                of_l1 = 0.0 if objective.proximal else l1 * parameter.detach().sign()  # what autograd has added
                violations.append(float(violation(parameter.detach(), gradient - of_l1, l1).max()))
        self.metrics[KEY] = max(violations)


def violation(parameter: Tensor, gradient: Tensor, l1: float) -> Tensor:
    """For every number of a parameter, how far its gradient is from the conditions.

    Args:
        parameter: Its values.
        gradient: Of the objective without the l1 penalty.
        l1: Factor of the l1 penalty.
    """
    return torch.where(parameter == 0, (gradient.abs() - l1).clamp(min=0), (gradient + l1 * parameter.sign()).abs())
