"""The distance of a linear regression from the least-squares solution, and from the true parameters if known."""

import re
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gradexp import figures
from gradexp.callbacks.publication import publish
from gradexp.models import LinearRegression
from gradexp.objective.optimizers import class_name, is_sgd, learning_rate
from gradexp.reports.least_squares import design_matrix, least_squares, slowest_curvature
from gradexp.reports.trajectory import TrajectoryReport
from gradexp.rules.words import counted

MAX_SAMPLES = 100_000  # of the training part
MAX_REPORTED = 12  # parameters whose values are reported one by one
MAX_BARS = 60  # parameters that are drawn
GRID = 150  # points along each axis of the loss


@dataclass(frozen=True)
class Fit:
    """A linear regression after its fit; its parameters are the weights, then the bias if there is one, in float64."""

    inputs: Tensor  # [samples, features]
    targets: Tensor  # [samples, 1]
    design: Tensor  # inputs in float64, with a column of ones if there is a bias [samples, parameters]
    l2: float  # factor of the penalty on the weights
    has_bias: bool
    names: list[str]  # of the parameters
    learned: Tensor  # values at the end of the fit [parameters]
    solution: Tensor  # the least-squares solution, of several the one nearest to `learned` [parameters]
    truth: Tensor | None  # values that the data were generated with [parameters]; None if unknown

    def vectors(self) -> dict[str, Tensor]:
        """The parameters by the labels of figures."""
        known = {"learned": self.learned, "least squares": self.solution}
        return known if self.truth is None else known | {"truth": self.truth}

    def losses(self, points: Tensor) -> Tensor:
        """The objective [points] at several points [points, parameters], computed as a quadratic form."""
        n, y = len(self.design), self.targets.double()[:, 0]
        quadratic, linear = self.design.T @ self.design / n, self.design.T @ y / n
        loss = ((points @ quadratic) * points).sum(dim=1) - 2 * points @ linear + y.square().mean()
        return loss.clamp(min=0) + self._penalty(points)

    def loss(self, point: Tensor) -> float:
        """The objective at one point [parameters], more precise than by `losses`."""
        residuals = self.design @ point - self.targets.double()[:, 0]
        return float(residuals.square().mean() + self._penalty(point))

    def _penalty(self, points: Tensor) -> Tensor:
        weights = points[..., :-1] if self.has_bias else points
        return self.l2 * weights.square().sum(dim=-1)


class LeastSquaresReport(TrajectoryReport):
    """After the fit of a linear regression with one target and no l1: learned, least-squares and true parameters.

    The distance from the truth is the sum of the sampling error, from the truth to the least-squares solution, and the
    optimization error, from there to the learned parameters. The figures are the fitted line for one feature, the
    coefficients for more, and the path of the parameters over the loss for one or two parameters.
    """

    def records(self, module: LightningModule) -> bool:
        return _applies(module) and sum(parameter.numel() for parameter in module.parameters()) <= 2

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = getattr(trainer, "datamodule", None)
        if not _applies(pl_module) or not hasattr(datamodule, "sample"):
            return
        fit = _fit_of(pl_module, datamodule)
        minimum, learned = fit.loss(fit.solution), fit.loss(fit.learned)
        self.metrics |= {"least_squares/objective": minimum, "least_squares/excess": learned - minimum}
        self.notes.append(
            f"objective of the learned parameters {learned:.6g}, of the least-squares solution {minimum:.6g}: "
            f"{learned - minimum:.3g} above the minimum"
        )
        if len(fit.names) <= MAX_REPORTED:
            self._compare(fit)
        self._explain_speed(trainer, pl_module, fit, datamodule.batch_size)
        if self.draw:
            self._draw(trainer, pl_module, fit)

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

    def _explain_speed(self, trainer: Trainer, model: LinearRegression, fit: Fit, batch_size: int | None) -> None:
        """Report how much of the error in the slowest direction remains, if this is plain full-batch descent."""
        settings, has_schedule = model.objective.optimizer, bool(model.objective.scheduler.get("_target_"))
        has_momentum_or_decay = settings.get("momentum") or settings.get("weight_decay")
        is_plain = is_sgd(settings) and "lr" in settings and not has_momentum_or_decay and not has_schedule
        is_changed = trainer.gradient_clip_val or model.objective.penalties
        is_full_batch = batch_size is None and trainer.world_size == trainer.accumulate_grad_batches == 1
        if not (is_plain and is_full_batch) or is_changed:
            return
        curvature = slowest_curvature(fit.inputs, fit.has_bias)
        remains = abs(1 - settings["lr"] * curvature) ** trainer.global_step
        self.metrics["slowest_direction/remains"] = remains
        self.notes.append(
            f"slowest direction: curvature {curvature:.4g}, so (1 - {settings['lr']:g} * {curvature:.4g})^"
            f"{trainer.global_step} = {remains:.2%} of its initial error remains"
        )

    def _draw(self, trainer: Trainer, model: LinearRegression, fit: Fit) -> None:
        settings, vectors = model.objective.optimizer, fit.vectors()
        rate = learning_rate(settings, model.objective.trusted_packages)
        how = f"{class_name(settings)}, lr {rate:g}"
        if fit.inputs.shape[1] == 1:
            lines = {name: (float(v[0]), float(v[1]) if fit.has_bias else 0.0) for name, v in vectors.items()}
            x, y = fit.inputs[:, 0].numpy(), fit.targets[:, 0].numpy()
            publish(trainer, "fit", figures.fitted_lines(x, y, lines, f"Fitted line: {how}"))
        elif len(fit.names) <= MAX_BARS:
            bars = {name: vector.numpy() for name, vector in vectors.items()}
            publish(trainer, "coefficients", figures.coefficients(fit.names, bars, f"Coefficients: {how}"))
        if self.points:
            self._draw_path(trainer, fit, f"Path of the parameters over the loss: {how}")

    def _draw_path(self, trainer: Trainer, fit: Fit, title: str) -> None:
        path, vectors = self.path().double(), fit.vectors()
        if path.shape[1] == 1:
            weights = _axis(torch.cat([path[:, 0], fit.solution]))
            along, on_path = fit.losses(weights.unsqueeze(1)).numpy(), fit.losses(path).numpy()
            figure = figures.loss_along_weight(weights.numpy(), along, path[:, 0].numpy(), on_path, title)
        else:
            x, y = (_axis(torch.cat([path[:, k], *(vector[k : k + 1] for vector in vectors.values())])) for k in (0, 1))
            loss = fit.losses(torch.cartesian_prod(y, x).flip(1)).reshape(len(y), len(x))
            paths = {counted(trainer.global_step, "step"): path.numpy()}
            marks = {name: vector[None].numpy() for name, vector in vectors.items() if name != "learned"}
            names = (fit.names[0], fit.names[1])
            figure = figures.paths_over_contours(x.numpy(), y.numpy(), loss.numpy(), paths, marks, title, names, "loss")
        publish(trainer, "path", figure)


def _applies(module: LightningModule) -> TypeGuard[LinearRegression]:
    return (
        isinstance(module, LinearRegression)
        and isinstance(module.objective.loss, nn.MSELoss)
        and module.objective.penalties.keys() <= {"l2"}
        and len(module.network.get_parameter("weight")) == 1
    )


def _fit_of(model: LinearRegression, datamodule: Any) -> Fit:
    inputs, targets = datamodule.sample(MAX_SAMPLES)
    parameters = {name: parameter.detach().cpu() for name, parameter in model.network.named_parameters()}
    has_bias, l2 = "bias" in parameters, model.objective.factor("l2")
    weight, bias = least_squares(inputs, targets, has_bias, l2, near=parameters["weight"])
    truth = None
    if hasattr(datamodule, "true_weight"):
        truth = torch.cat([datamodule.true_weight, torch.tensor([datamodule.true_bias])[: int(has_bias)]]).double()
    features = inputs.shape[1]
    names = ["w"] if features == 1 else datamodule.feature_names or [f"w{n}" for n in range(1, features + 1)]
    return Fit(
        inputs,
        targets,
        design_matrix(inputs, has_bias),
        l2,
        has_bias,
        names=names + ["b"] * has_bias,
        learned=torch.cat([parameter.flatten() for parameter in parameters.values()]).double(),
        solution=torch.cat([weight[0], bias[: int(has_bias)]]),
        truth=truth,
    )


def _axis(values: Tensor) -> Tensor:
    """A grid along an axis that contains all `values`, with a margin [GRID]."""
    low, high = values.min().item(), values.max().item()
    margin = 0.15 * (high - low) or 1.0
    return torch.linspace(low - margin, high + margin, GRID, dtype=torch.float64)
