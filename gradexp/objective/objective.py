"""The training objective: loss and penalties, with the optimizer and schedule that minimise it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from gradexp.building.construct import constructed
from gradexp.building.kinds import PROXIMAL_NEEDS_SGD
from gradexp.building.trust import OWN_PACKAGE, trusted_class
from gradexp.objective.fit import Outputs, check_takes
from gradexp.objective.losses import ClassWeightedLoss
from gradexp.objective.optimizers import build_optimizer, class_name, is_sgd, learning_rate, target_of
from gradexp.objective.penalty_terms import build_penalties, shrink_after_steps
from gradexp.objective.schedules import Fit, build_schedules
from gradexp.objective.weights import NamedParameters, names_without_decay, weights
from gradexp.rules import MONITOR, NON_NEGATIVE, SECTION, or_null

log = logging.getLogger(__name__)

Section = Mapping[str, Any]


class ObjectiveOptions(TypedDict, total=False):
    """Keyword arguments that every model takes in addition to its own.

    A section is `_target_`, the dotted path of a class, and the arguments of that class.

    Attributes:
        loss: Section of the loss; without a `_target_`, arguments of the model's default loss.
        optimizer: Section of the optimizer; it may also have `no_decay`, a list of "bias" and "norm": the parameters
            that get no weight decay.
        scheduler: Section of the learning-rate schedule (see gradexp.objective.schedules); None for a constant rate.
        l1, l2: Factors of the penalties (see gradexp.objective.penalties).
        proximal: Apply l1 as a soft threshold after each step, which gives exact zeros, instead of by its subgradient;
            for SGD only (see gradexp.objective.penalty_terms).
        penalties: Further penalties: names in gradexp.objective.penalties with their factors, or new names with
            sections: `_target_`, the dotted path of a function of a weight, `factor`, and further arguments.
        metrics: Sections of torchmetrics metrics, by the names that they are logged under.
        monitor: The metric that a plateau schedule watches.
        monitor_mode: "max" where higher is better, "min" where lower is; None to read it from the metric's class.
        trusted_packages: Packages that a `_target_` may name besides torch and torchmetrics.
    """

    loss: Annotated[Section | None, or_null(SECTION)]
    optimizer: Annotated[Section, SECTION]
    scheduler: Annotated[Section | None, or_null(SECTION)]
    l1: Annotated[float, NON_NEGATIVE]
    l2: Annotated[float, NON_NEGATIVE]
    proximal: bool
    penalties: Annotated[Section, SECTION]
    metrics: Annotated[Section, SECTION]
    monitor: Annotated[str, MONITOR]
    monitor_mode: Literal["max", "min"] | None
    trusted_packages: Sequence[str]


class Objective(nn.Module):
    """``loss + sum of factor * penalty(weight)`` over all weights, and the optimizer and schedule that minimise it.

    Args:
        outputs: Kind of the network's outputs; None for a model that computes its own loss.
        num_classes: Number of classes; 0 for real-valued targets.
        model: Name of the model, for messages.
        options: See ObjectiveOptions; the model itself takes `metrics`.

    Attributes:
        loss: Maps outputs and encoded targets to the mean over the batch; None where the model computes its own.
        penalties: By name, the penalties with a factor above 0.
        has_found_lr: Whether `lr` was set after the optimizer was built, which must then be built again.
    """

    def __init__(
        self,
        outputs: Outputs | None,
        num_classes: int,
        model: str,
        *,
        optimizer: Section,
        loss: Section | None = None,
        scheduler: Section | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        proximal: bool = False,
        penalties: Section | None = None,
        monitor: str = "val/loss",
        monitor_mode: Literal["max", "min"] | None = None,
        trusted_packages: Sequence[str] = (OWN_PACKAGE,),
    ) -> None:
        super().__init__()
        self.trusted_packages = tuple(trusted_packages)
        self.loss = _build_loss(loss, outputs, num_classes, model, trusted_packages)
        self.penalties = build_penalties({"l1": l1, "l2": l2, **(penalties or {})}, trusted_packages)
        self.proximal = proximal
        target_of(optimizer)
        self.optimizer = dict(optimizer)
        self.scheduler = dict(scheduler or {})
        self.monitor = monitor
        self.monitor_mode = monitor_mode
        self.has_found_lr = False
        if proximal and not is_sgd(optimizer):
            raise ValueError(PROXIMAL_NEEDS_SGD.format(class_name(optimizer)))

    @property
    def lr(self) -> float:
        """The optimizer's learning rate as configured; NaN if it has none."""
        return learning_rate(self.optimizer, self.trusted_packages)

    @lr.setter
    def lr(self, rate: float) -> None:
        self.optimizer["lr"] = rate

    def factor(self, penalty: str) -> float:
        """The factor of a penalty; 0 if the objective does not have it."""
        return self.penalties[penalty].factor if penalty in self.penalties else 0.0

    def penalty(self, parameters: NamedParameters, *, stacked: bool = False) -> Tensor | None:
        """The sum of the penalties over all weights, and over all members if these are `stacked`, [members, ...].

        A proximal l1 has no gradient. Frozen weights have no penalty. None where there are no penalties or no weights.
        """
        penalised = weights(parameters, stacked=stacked) if self.penalties else []
        penalised = [weight for weight in penalised if stacked or weight.requires_grad]
        total = None
        for name, penalty in self.penalties.items() if penalised else ():
            function = torch.vmap(penalty.function) if stacked else penalty.function
            size = torch.stack([function(weight).sum() for weight in penalised]).sum()
            term = penalty.factor * (size.detach() if self.proximal and name == "l1" else size)
            total = term if total is None else total + term
        return total

    def build_optimizer(
        self, module: nn.Module, *, may_be_fused: bool = True, stacked: Mapping[str, Tensor] | None = None
    ) -> Optimizer:
        """The optimizer of a module's parameters but the frozen ones, with the proximal step if `proximal` is set.

        Args:
            module: The module to train.
            may_be_fused: Whether to keep the optimizer's `fused`; otherwise it is False.
            stacked: Trained instead of the module's parameters, by their names: [members, ...].
        """
        settings = dict(self.optimizer)
        if settings.get("fused") and not may_be_fused:
            settings["fused"] = False
        trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        parameters = trained if stacked is None else stacked
        no_decay = names_without_decay(module, settings.get("no_decay") or ())
        groups: list[dict[str, Any]] = [
            {"params": [parameter for name, parameter in parameters.items() if name not in no_decay]},
            {"params": [parameter for name, parameter in parameters.items() if name in no_decay], "weight_decay": 0.0},
        ]
        optimizer = build_optimizer([group for group in groups if group["params"]], settings, self.trusted_packages)
        if no_decay and not optimizer.defaults.get("weight_decay"):
            decay = optimizer.defaults.get("weight_decay", "none")
            raise ValueError(
                f"optimizer.no_decay must go with a weight_decay above 0; got {decay} of {class_name(settings)}."
            )
        if self.proximal and "l1" in self.penalties:
            penalised = weights(parameters.items(), stacked=stacked is not None)
            shrink_after_steps(optimizer, penalised, self.penalties["l1"].factor)
        return optimizer

    def configure(
        self, module: nn.Module, total_steps: Callable[[], float], mode: str | None, not_fused: str = ""
    ) -> OptimizerLRScheduler:
        """Optimizer and schedules in the form of Lightning's configure_optimizers.

        Args:
            module: The module to train.
            total_steps: Returns the steps of the whole fit; infinite for a fit without an end.
            mode: The monitor's mode as its class says; None where it is unknown.
            not_fused: Settings that exclude a fused optimizer, for a warning; empty if there are none.
        """
        self.has_found_lr = False
        if not_fused and self.optimizer.get("fused"):
            log.warning("optimizer.fused is false under %s", not_fused)
        optimizer = self.build_optimizer(module, may_be_fused=not not_fused)
        fit = Fit(total_steps, self.monitor, self.monitor_mode or mode, self.trusted_packages)
        schedules = build_schedules(optimizer, self.scheduler, fit)
        return ([optimizer], schedules) if schedules else optimizer  # type: ignore[return-value]  # Lightning's form


def _build_loss(
    section: Section | None, outputs: Outputs | None, num_classes: int, model: str, trusted_packages: Sequence[str]
) -> nn.Module | None:
    if not section:
        return None
    if outputs is None:
        got = class_name(section) or dict(section)
        raise ValueError(f"loss must be default for {model}, which has a loss of its own; got {got}.")
    cls = trusted_class(section.get("_target_"), "loss", (OWN_PACKAGE, *trusted_packages))
    given = {key: value for key, value in section.items() if key != "_target_"}
    offered = {"num_classes": max(num_classes, 2), "from_logits": outputs == "logit"}
    loss: nn.Module = constructed(cls, "loss", given, offered if issubclass(cls, ClassWeightedLoss) else {})
    check_takes(loss, outputs, model)
    return loss
