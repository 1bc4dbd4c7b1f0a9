"""Where a descent on a function of two variables ends, and how start, learning rate and momentum affect it."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from rich.console import Console
from torch import Tensor

from gradexp import figures
from gradexp.callbacks.progress_bar import ProgressBar
from gradexp.callbacks.publication import publish
from gradexp.engine.precision import at_least_single
from gradexp.models import FunctionDescent
from gradexp.models.surfaces import Surface
from gradexp.objective.optimizers import class_name, is_elementwise
from gradexp.reports.descent import descend, nearest_minimum
from gradexp.reports.trajectory import TrajectoryReport
from gradexp.rules.words import counted

GRID = 200  # points along each axis of a surface
STARTS = 100  # starts of the basin map along each axis
MAX_STEPS = 2000  # steps of the paths that are compared
PATH_POINTS = 5000  # points drawn of the run's path
TOLERANCE = 0.05  # distance within which a minimum counts as reached


class DescentReport(TrajectoryReport):
    """After the fit of a FunctionDescent: its last point, the nearest minimum, and figures.

    The figures are the surface with the run's path; the path over contours; several optimizers from the same start;
    the effect of initial point, learning rate and momentum; and the minimum that the run's optimizer reaches from each
    of 10,000 starts.

    Args:
        console: Where the progress of drawing is shown.
        draw: Whether to publish figures.
    """

    def __init__(self, console: Console, draw: bool = True) -> None:
        super().__init__(draw)
        self._bar = ProgressBar(console)
        self._trusted_packages: tuple[str, ...] = ()

    def records(self, module: LightningModule) -> bool:
        return isinstance(module, FunctionDescent)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not isinstance(pl_module, FunctionDescent):
            return
        surface, point = pl_module.surface, at_least_single(pl_module.network.get_parameter("point").detach().cpu())
        self._report_last_point(surface, point)
        self._trusted_packages = pl_module.objective.trusted_packages
        if self.draw and self.points:
            settings, steps = pl_module.objective.optimizer, trainer.global_step
            self._bar.begin()
            self._draw_path(trainer, surface, settings)
            self._draw_comparisons(trainer, surface, min(steps, MAX_STEPS))
            if surface.minima and is_elementwise(settings):
                self._draw_basins(trainer, surface, settings, steps)
            self._bar.end()

    def _report_last_point(self, surface: Surface, point: Tensor) -> None:
        value, slope = surface.value(point).item(), surface.gradient(point).norm().item()
        x, y = point.tolist()
        self.metrics |= {"point/x": x, "point/y": y, "point/value": value, "point/gradient_norm": slope}
        self.notes.append(f"ends at ({x:.6g}, {y:.6g}), value {value:.6g}, norm of the gradient {slope:.3g}")
        minima = torch.tensor(surface.minima + surface.local_minima).reshape(-1, 2)
        if len(minima):
            distances = (minima - point).norm(dim=1)
            nearest = int(distances.argmin())
            self.metrics["point/distance"] = distances[nearest].item()
            kind = "a global" if nearest < len(surface.minima) else "a local"
            place = ", ".join(f"{coordinate:.6f}" for coordinate in minima[nearest].tolist())
            self.notes.append(
                f"nearest minimum: ({place}), {kind} one, of value {surface.value(minima[nearest]).item():.6g}, "
                f"{distances[nearest].item():.3g} away"
            )

    def _draw_path(self, trainer: Trainer, surface: Surface, settings: dict[str, Any]) -> None:
        path = self.path()
        path = path[torch.linspace(0, len(path) - 1, min(len(path), PATH_POINTS)).round().long()]
        title = f"{_label(settings)}, {counted(trainer.global_step, 'step')}"
        x, y, z = _values_on_grid(surface)
        minima, values = _array(surface.minima + surface.local_minima), surface.value(path).numpy()
        figure = figures.surface_3d(surface.title, surface.formula, x, y, z, path.numpy(), values, minima, title)
        publish(trainer, "surface", figure)
        title = f"{surface.title}: {title}"
        publish(trainer, "path", figures.paths_over_contours(x, y, z, {"run": path.numpy()}, _marks(surface), title))

    def _draw_comparisons(self, trainer: Trainer, surface: Surface, steps: int) -> None:
        def path(start: Tensor, settings: dict[str, Any]) -> figures.Array:
            return self._descend(surface, start[None], settings, steps, 1)[:, 0].numpy()

        start = self.points[0].cpu()
        (low, high), (bottom, top) = surface.domain
        lr, adam_lr = stable_lr(surface, start), (high - low) / 100
        sgd: dict[str, Any] = {"_target_": "torch.optim.SGD", "lr": lr}
        optimizers = [
            sgd,
            sgd | {"momentum": 0.9},
            {"_target_": "torch.optim.RMSprop", "lr": adam_lr / 5},
            {"_target_": "torch.optim.Adam", "lr": adam_lr},
            {"_target_": "torch.optim.Adagrad", "lr": 5 * adam_lr},
        ]
        x, y, z = _values_on_grid(surface)
        paths = {_label(settings): path(start, settings) for settings in optimizers}
        title = f"{surface.title}: {len(optimizers)} optimizers from one start, {counted(steps, 'step')}"
        publish(trainer, "optimizers", figures.paths_over_contours(x, y, z, paths, _marks(surface), title))
        corners = [
            torch.tensor([low + a * (high - low), bottom + b * (top - bottom)])
            for a, b in ((0.15, 0.8), (0.8, 0.85), (0.2, 0.2), (0.85, 0.25))
        ]
        panels = {
            f"by initial point: {_label(sgd)}": {
                f"({point[0]:.3g}, {point[1]:.3g})": path(point, sgd) for point in (start, *corners)
            },
            "by learning rate: SGD": {
                f"lr {factor * lr:.2g}": path(start, sgd | {"lr": factor * lr}) for factor in (0.02, 0.2, 1, 3)
            },
            f"by momentum: SGD, lr {lr / 5:.2g}": {
                f"momentum {momentum:g}": path(start, sgd | {"lr": lr / 5, "momentum": momentum})
                for momentum in (0.0, 0.5, 0.9, 0.99)
            },
        }
        title = f"{surface.title}: effects of initial point, learning rate and momentum, {counted(steps, 'step')}"
        publish(trainer, "effects", figures.panels_of_paths(x, y, z, panels, _marks(surface), title))

    def _draw_basins(self, trainer: Trainer, surface: Surface, settings: dict[str, Any], steps: int) -> None:
        x, y, starts = _grid(surface, STARTS)
        ends = self._descend(surface, starts, settings, steps, steps)[-1]
        reached = nearest_minimum(surface, ends, TOLERANCE).reshape(STARTS, STARTS)
        cost = surface.value(ends).reshape(STARTS, STARTS)
        title = f"{surface.title}: {_label(settings)}, {counted(steps, 'step')}, {counted(len(starts), 'start')}"
        minima = _array(surface.minima + surface.local_minima)
        self.metrics["basins/reached_a_minimum"] = (reached >= 0).double().mean().item()
        figure = figures.basin_map(x.numpy(), y.numpy(), reached.numpy(), minima, cost.numpy(), title)
        publish(trainer, "basins", figure)

    def _descend(self, surface: Surface, starts: Tensor, settings: dict[str, Any], steps: int, every: int) -> Tensor:
        def progress(done: int) -> None:
            if self._bar.is_due():
                self._bar.draw(f"figures: {_label(settings)}", done, steps)

        return descend(surface, starts, settings, steps, every, progress, self._trusted_packages)


def stable_lr(surface: Surface, point: Tensor) -> float:
    """0.5 / |greatest curvature| at a point, a quarter of the greatest stable rate 2 / curvature; to one digit.

    The curvatures are the eigenvalues of the Hessian, which is computed from the closed-form gradient.
    """
    jacobian: Any = torch.autograd.functional.jacobian(surface.gradient, point.double())  # type: ignore[no-untyped-call]
    curvature = torch.linalg.eigvalsh((jacobian + jacobian.T) / 2).abs().max().item()
    return float(f"{0.5 / curvature:.1g}")


def _label(settings: dict[str, Any]) -> str:
    momentum = f", momentum {settings['momentum']:g}" if settings.get("momentum") else ""
    rate = f", lr {settings['lr']:g}" if "lr" in settings else ""
    return f"{class_name(settings)}{rate}{momentum}"


def _grid(surface: Surface, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The axes [n] of a grid over the domain, and its points row by row [n * n, 2]."""
    (low, high), (bottom, top) = surface.domain
    x, y = torch.linspace(low, high, n), torch.linspace(bottom, top, n)
    return x, y, torch.cartesian_prod(y, x).flip(1)


def _values_on_grid(surface: Surface) -> tuple[figures.Array, figures.Array, figures.Array]:
    x, y, points = _grid(surface, GRID)
    return x.numpy(), y.numpy(), surface.value(points).reshape(GRID, GRID).numpy()


def _marks(surface: Surface) -> dict[str, figures.Array]:
    known = {"minima": surface.minima, "local minima": surface.local_minima, "saddles": surface.saddles}
    return {name: _array(points) for name, points in known.items()}


def _array(points: tuple[tuple[float, float], ...]) -> figures.Array:
    array: figures.Array = torch.tensor(points).reshape(-1, 2).numpy()
    return array
