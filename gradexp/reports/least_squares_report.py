"""The distance of a linear regression from the least-squares solution, and from the true parameters if known."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.models import LinearRegression
from gradexp.objective.optimizers import class_name, is_sgd, learning_rate
from gradexp.reports.least_squares import design_matrix, least_squares, slowest_curvature
from gradexp.reports.trajectory import TrajectoryReport

MAX_SAMPLES = 100_000  # of the training part
MAX_REPORTED = 12  # parameters whose values are reported one by one
MAX_BARS = 60  # parameters that are drawn
GRID = 150  # points along each axis of the loss


@dataclass(frozen=True)
class Fit:
    """Learned, least-squares and true parameters: the weights, then the bias if there is one; in float64.

    Attributes:
        names: Names of the parameters.
        learned: The values at the end of the fit [parameters].
        solution: The least-squares solution, of several the one nearest to `learned` [parameters].
        truth: The values that the data were generated with; None if unknown [parameters].
    """

    names: list[str]
    learned: Tensor
    solution: Tensor
    truth: Tensor | None

    def vectors(self) -> dict[str, Tensor]:
        """The parameters by the labels of figures."""
        known = {"learned": self.learned, "least squares": self.solution}
        return known if self.truth is None else known | {"truth": self.truth}


class LeastSquaresReport(TrajectoryReport):
    """After the fit of a linear regression with one target and no l1: learned, least-squares and true parameters.

    The distance from the truth is the sum of the sampling error, from the truth to the least-squares solution, and the
    optimization error, from there to the learned parameters. The figures are the fitted line for one feature, the
    coefficients for more, and the path of the parameters over the loss for one or two parameters.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.draw and _applies(pl_module) and sum(parameter.numel() for parameter in pl_module.parameters()) <= 2:
            self.start_recording(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.stop_recording()
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not _applies(pl_module) or not hasattr(datamodule, "sample"):
            return
        assert isinstance(pl_module, LinearRegression)
        inputs, targets = datamodule.sample(MAX_SAMPLES)
        fit = _fit_of(pl_module, inputs, targets, datamodule)
        design = design_matrix(inputs, _has_bias(pl_module))
        minimum = _loss(design, targets, fit.solution, pl_module)
        learned = _loss(design, targets, fit.learned, pl_module)
        self.metrics |= {"least_squares/objective": minimum, "least_squares/excess": learned - minimum}
        self.notes.append(
            f"objective of the learned parameters {learned:.6g}, of the least-squares solution {minimum:.6g}: "
            f"{learned - minimum:.3g} above the minimum"
        )
        if len(fit.names) <= MAX_REPORTED:
            self._compare(fit)
        self._explain_speed(pl_module, trainer, inputs, datamodule)
        if self.draw:
            self._draw(trainer, pl_module, inputs, targets, design, fit)

    def _compare(self, fit: Fit) -> None:
        rows: list[tuple[str, ...]] = [("", "learned", "least squares", "optimization error")]
        if fit.truth is not None:
            rows = [("", "learned", "truth", "bias", "=", "sampling error", "+", "optimization error")]
        for number, name in enumerate(fit.names):
            learned, solution = fit.learned[number].item(), fit.solution[number].item()
            key = re.sub(r"[^\w.-]+", "_", name)  # TensorBoard allows no other characters
            self.metrics |= {f"learned/{key}": learned, f"optimization_error/{key}": solution - learned}
            cells = [f"{learned:.6g}", f"{solution:.6g}", f"{solution - learned:.3g}"]
            if fit.truth is not None:
                truth = fit.truth[number].item()
                self.metrics |= {f"bias/{key}": truth - learned, f"sampling_error/{key}": truth - solution}
                cells = [f"{learned:.6g}", f"{truth:.6g}", f"{truth - learned:.4f}"]
                cells += ["=", f"{truth - solution:.4f}", "+", f"{solution - learned:.4f}"]
            rows.append((name, *cells))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.notes += ["  ".join(cell.rjust(n) for cell, n in zip(row, widths, strict=True)) for row in rows]

    def _explain_speed(self, model: LinearRegression, trainer: Trainer, inputs: Tensor, datamodule: Any) -> None:
        """Report how much of the error in the slowest direction remains, if this is plain full-batch descent."""
        settings, has_schedule = model.objective.optimizer, bool(model.objective.scheduler.get("_target_"))
        has_momentum_or_decay = settings.get("momentum") or settings.get("weight_decay")
        is_plain = is_sgd(settings) and "lr" in settings and not has_momentum_or_decay and not has_schedule
        is_changed = trainer.gradient_clip_val or model.objective.penalties
        is_full_batch = datamodule.batch_size is None and trainer.world_size == trainer.accumulate_grad_batches == 1
        if not (is_plain and is_full_batch) or is_changed:
            return
        curvature = slowest_curvature(inputs, _has_bias(model))
        remains = abs(1 - settings["lr"] * curvature) ** trainer.global_step
        self.metrics["slowest_direction/remains"] = remains
        self.notes.append(
            f"slowest direction: curvature {curvature:.4g}, so (1 - {settings['lr']:g} * {curvature:.4g})^"
            f"{trainer.global_step} = {remains:.2%} of its initial error remains"
        )

    def _draw(
        self, trainer: Trainer, model: LinearRegression, inputs: Tensor, targets: Tensor, design: Tensor, fit: Fit
    ) -> None:
        settings, vectors = model.objective.optimizer, fit.vectors()
        rate = learning_rate(settings, model.objective.trusted_packages)
        title = f"linear regression, {class_name(settings)}, lr {rate:g}"
        if inputs.shape[1] == 1:
            lines = {name: (float(v[0]), float(v[1]) if _has_bias(model) else 0.0) for name, v in vectors.items()}
            publish(trainer, "fit", figures.fitted_lines(inputs[:, 0].numpy(), targets[:, 0].numpy(), lines, title))
        elif len(fit.names) <= MAX_BARS:
            bars = {name: vector.numpy() for name, vector in vectors.items()}
            publish(trainer, "coefficients", figures.coefficients(fit.names, bars, title))
        if self.points:
            self._draw_path(trainer, partial(_losses, design, targets, model), fit, title)

    def _draw_path(self, trainer: Trainer, losses: Callable[[Tensor], Tensor], fit: Fit, title: str) -> None:
        path, vectors = self.path().double(), fit.vectors()
        if path.shape[1] == 1:
            weights = _axis(torch.cat([path[:, 0], fit.solution]))
            along, on_path = losses(weights.unsqueeze(1)).numpy(), losses(path).numpy()
            figure = figures.loss_along_weight(weights.numpy(), along, path[:, 0].numpy(), on_path, title)
        else:
            x, y = (_axis(torch.cat([path[:, k], *(vector[k : k + 1] for vector in vectors.values())])) for k in (0, 1))
            loss = losses(torch.cartesian_prod(y, x).flip(1)).reshape(len(y), len(x))
            paths = {f"{trainer.global_step:,} steps": path.numpy()}
            marks = {name: vector[None].numpy() for name, vector in vectors.items() if name != "learned"}
            names = (fit.names[0], fit.names[1])
            figure = figures.paths_over_contours(x.numpy(), y.numpy(), loss.numpy(), paths, marks, title, names, "loss")
        publish(trainer, "path", figure)


def _applies(pl_module: LightningModule) -> bool:
    return (
        isinstance(pl_module, LinearRegression)
        and isinstance(pl_module.objective.loss, nn.MSELoss)
        and pl_module.objective.penalties.keys() <= {"l2"}
        and len(pl_module.network.get_parameter("weight")) == 1
    )


def _has_bias(model: LinearRegression) -> bool:
    return "bias" in dict(model.network.named_parameters())


def _fit_of(model: LinearRegression, inputs: Tensor, targets: Tensor, datamodule: Any) -> Fit:
    parameters = dict(model.network.named_parameters())
    has_bias = _has_bias(model)
    learned = parameters["weight"].detach().cpu()
    weight, bias = least_squares(inputs, targets, has_bias, model.objective.factor("l2"), near=learned)
    truth = None
    if hasattr(datamodule, "true_weight"):
        truth = torch.cat([datamodule.true_weight, torch.tensor([datamodule.true_bias])[: int(has_bias)]]).double()
    features = inputs.shape[1]
    names = ["w"] if features == 1 else datamodule.feature_names or [f"w{n}" for n in range(1, features + 1)]
    return Fit(
        names=names + ["b"] * has_bias,
        learned=torch.cat([parameter.detach().flatten() for parameter in parameters.values()]).double().cpu(),
        solution=torch.cat([weight[0], bias[: int(has_bias)]]),
        truth=truth,
    )


def _losses(design: Tensor, targets: Tensor, model: LinearRegression, points: Tensor) -> Tensor:
    """The objective [points] at several points [points, parameters], computed as a quadratic form."""
    n, y = len(design), targets.double()[:, 0]
    quadratic, linear = design.T @ design / n, design.T @ y / n
    weights = points[:, :-1] if _has_bias(model) else points
    loss = ((points @ quadratic) * points).sum(dim=1) - 2 * points @ linear + y.square().mean()
    return loss.clamp(min=0) + model.objective.factor("l2") * weights.square().sum(dim=1)


def _loss(design: Tensor, targets: Tensor, point: Tensor, model: LinearRegression) -> float:
    """The objective at one point [parameters], more precise than by `_losses`."""
    residuals = design @ point - targets.double()[:, 0]
    weights = point[:-1] if _has_bias(model) else point
    return float(residuals.square().mean() + model.objective.factor("l2") * weights.square().sum())


def _axis(values: Tensor) -> Tensor:
    """A grid along an axis that contains all `values`, with a margin [GRID]."""
    low, high = values.min().item(), values.max().item()
    margin = 0.15 * (high - low) or 1.0
    return torch.linspace(low - margin, high + margin, GRID, dtype=torch.float64)
