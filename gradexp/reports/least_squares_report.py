"""How far a linear regression ends from the least-squares solution, and from the truth where it is known."""

import re
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.callbacks.report import Report
from gradexp.models import LinearRegression
from gradexp.objective.optimizers import class_name, is_sgd, learning_rate
from gradexp.reports.least_squares import design_matrix, least_squares, slowest_curvature
from gradexp.reports.trajectory import Trajectory

SAMPLES = 100_000  # of the training part, at most
SHOWN = 12  # parameters whose values are reported one by one
GRID = 150  # places along each axis of the loss


@dataclass(frozen=True)
class Lines:
    """Parameters in one row each, weights first, then the bias if there is one; in float64.

    Attributes:
        names: Of the parameters.
        learned: Where the descent stopped [parameters].
        solution: The least-squares solution, the nearest one where there are several [parameters].
        truth: What the samples were drawn with, if that is known [parameters].
    """

    names: list[str]
    learned: Tensor
    solution: Tensor
    truth: Tensor | None


class LeastSquaresReport(Report):
    """After the fit of a linear regression with one target and no l1: learned, least-squares and true parameters.

    The distance from the truth is split: from the truth to the least-squares solution, which is the sample's fault
    (sampling error), and from there to where the descent stopped (optimization error). Draws the fitted line, the way
    of the parameters over the loss where there are one or two, the coefficients where there are more.
    """

    def __init__(self, draw: bool = True) -> None:
        super().__init__(draw)
        self._trajectory = Trajectory()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.draw and _applies(pl_module) and sum(parameter.numel() for parameter in pl_module.parameters()) <= 2:
            self._trajectory.follow(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._trajectory.stop()
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not _applies(pl_module) or not hasattr(datamodule, "sample"):
            return
        assert isinstance(pl_module, LinearRegression)
        inputs, targets = datamodule.sample(SAMPLES)
        lines = _lines(pl_module, inputs, targets, datamodule)
        design = design_matrix(inputs, _has_bias(pl_module))
        floor, ending = (_loss(design, targets, values, pl_module) for values in (lines.solution, lines.learned))
        self.metrics |= {"least_squares/objective": floor, "least_squares/excess": ending - floor}
        self.notes.append(
            f"objective of the learned parameters {ending:.6g}, of the least-squares solution {floor:.6g}: "
            f"{ending - floor:.3g} above the floor"
        )
        if len(lines.names) <= SHOWN:
            self._compare(lines)
        self._explain_speed(pl_module, trainer, inputs, datamodule)
        if self.draw:
            self._draw(trainer, pl_module, inputs, targets, design, lines)

    def _compare(self, lines: Lines) -> None:
        rows: list[tuple[str, ...]] = [("", "learned", "least squares", "optimization error")]
        if lines.truth is not None:
            rows = [("", "learned", "truth", "bias", "=", "sampling error", "+", "optimization error")]
        for number, name in enumerate(lines.names):
            learned, solution = lines.learned[number].item(), lines.solution[number].item()
            key = re.sub(r"[^\w.-]+", "_", name)  # TensorBoard takes no other characters
            self.metrics |= {f"learned/{key}": learned, f"optimization_error/{key}": solution - learned}
            cells = [f"{learned:.6g}", f"{solution:.6g}", f"{solution - learned:.3g}"]
            if lines.truth is not None:
                truth = lines.truth[number].item()
                self.metrics |= {f"bias/{key}": truth - learned, f"sampling_error/{key}": truth - solution}
                cells = [f"{learned:.6g}", f"{truth:.6g}", f"{truth - learned:.4f}"]
                cells += ["=", f"{truth - solution:.4f}", "+", f"{solution - learned:.4f}"]
            rows.append((name, *cells))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.notes += ["  ".join(cell.rjust(n) for cell, n in zip(row, widths, strict=True)) for row in rows]

    def _explain_speed(self, model: LinearRegression, trainer: Trainer, inputs: Tensor, datamodule: Any) -> None:
        settings, has_schedule = model.objective.optimizer, bool(model.objective.scheduler.get("_target_"))
        plain = is_sgd(settings) and not settings.get("momentum") and not has_schedule and "lr" in settings
        whole = datamodule.batch_size is None and trainer.world_size == trainer.accumulate_grad_batches == 1
        if (
            not (plain and whole)
            or trainer.gradient_clip_val
            or model.objective.penalties
            or settings.get("weight_decay")
        ):
            return
        curvature = slowest_curvature(inputs, _has_bias(model))
        remains = abs(1 - settings["lr"] * curvature) ** trainer.global_step
        self.metrics["slowest_direction/remains"] = remains
        self.notes.append(
            f"slowest direction: curvature {curvature:.4g}, so (1 - {settings['lr']:g} * {curvature:.4g})^"
            f"{trainer.global_step} = {remains:.2%} of its first error remains"
        )

    def _draw(
        self, trainer: Trainer, model: LinearRegression, inputs: Tensor, targets: Tensor, design: Tensor, lines: Lines
    ) -> None:
        known = {"learned": lines.learned, "least squares": lines.solution}
        if lines.truth is not None:
            known["truth"] = lines.truth
        settings = model.objective.optimizer
        rate = learning_rate(settings, model.objective.trusted_packages)
        title = f"linear regression, {class_name(settings)}, lr {rate:g}"
        if inputs.shape[1] == 1:
            straight = {name: (float(v[0]), float(v[1]) if _has_bias(model) else 0.0) for name, v in known.items()}
            publish(trainer, "fit", figures.fitted_lines(inputs[:, 0].numpy(), targets[:, 0].numpy(), straight, title))
        elif len(lines.names) <= 60:
            bars = {name: values.numpy() for name, values in known.items()}
            publish(trainer, "coefficients", figures.coefficients(lines.names, bars, title))
        if not self._trajectory.points:
            return
        path = self._trajectory.stacked().double()
        if path.shape[1] == 1:
            places = _around(torch.cat([path[:, 0], lines.solution]))
            along, on_path = (_losses(design, targets, values, model) for values in (places.unsqueeze(1), path))
            figure = figures.loss_along_weight(
                places.numpy(), along.numpy(), path[:, 0].numpy(), on_path.numpy(), title
            )
        else:
            x, y = (_around(torch.cat([path[:, k], *(v[k : k + 1] for v in known.values())])) for k in (0, 1))
            grid = torch.cartesian_prod(y, x).flip(1)
            loss = _losses(design, targets, grid, model).reshape(len(y), len(x))
            marks = {name: values[None].numpy() for name, values in known.items() if name != "learned"}
            label = f"{trainer.global_step:,} steps"
            names = (lines.names[0], lines.names[1])
            figure = figures.paths_over_contours(
                x.numpy(), y.numpy(), loss.numpy(), {label: path.numpy()}, marks, title, names, "loss"
            )
        publish(trainer, "path", figure)

    def state_dict(self) -> dict[str, Any]:
        return self._trajectory.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._trajectory.load_state_dict(state_dict)


def _applies(pl_module: LightningModule) -> bool:
    return (
        isinstance(pl_module, LinearRegression)
        and isinstance(pl_module.objective.loss, nn.MSELoss)
        and pl_module.objective.penalties.keys() <= {"l2"}
        and len(pl_module.network.get_parameter("weight")) == 1
    )


def _has_bias(model: LinearRegression) -> bool:
    return "bias" in dict(model.network.named_parameters())


def _lines(model: LinearRegression, inputs: Tensor, targets: Tensor, datamodule: Any) -> Lines:
    parameters = dict(model.network.named_parameters())
    has_bias = _has_bias(model)
    learned = parameters["weight"].detach().cpu()
    weight, bias = least_squares(inputs, targets, has_bias, model.objective.factor("l2"), near=learned)
    truth = None
    if hasattr(datamodule, "true_weight"):
        truth = torch.cat([datamodule.true_weight, torch.tensor([datamodule.true_bias])[: int(has_bias)]]).double()
    features = inputs.shape[1]
    names = ["w"] if features == 1 else datamodule.feature_names or [f"w{n}" for n in range(1, features + 1)]
    return Lines(
        names=names + ["b"] * has_bias,
        learned=torch.cat([parameter.detach().flatten() for parameter in parameters.values()]).double().cpu(),
        solution=torch.cat([weight[0], bias[: int(has_bias)]]),
        truth=truth,
    )


def _losses(design: Tensor, targets: Tensor, values: Tensor, model: LinearRegression) -> Tensor:
    """The objective at each of several parameters [places, parameters], as a quadratic in them [places]."""
    n, y = len(design), targets.double()[:, 0]
    quadratic, linear = design.T @ design / n, design.T @ y / n
    weights = values[:, :-1] if _has_bias(model) else values
    loss = ((values @ quadratic) * values).sum(dim=1) - 2 * values @ linear + y.square().mean()
    return loss.clamp(min=0) + model.objective.factor("l2") * weights.square().sum(dim=1)


def _loss(design: Tensor, targets: Tensor, values: Tensor, model: LinearRegression) -> float:
    residuals = design @ values - targets.double()[:, 0]
    weights = values[:-1] if _has_bias(model) else values
    return float(residuals.square().mean() + model.objective.factor("l2") * weights.square().sum())


def _around(values: Tensor) -> Tensor:
    """Places along an axis that hold all `values` with some room [places]."""
    low, high = values.min().item(), values.max().item()
    room = 0.15 * (high - low) or 1.0
    return torch.linspace(low - room, high + room, GRID, dtype=torch.float64)
