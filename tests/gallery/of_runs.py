"""Every figure of a run, with inputs as real runs give them."""

import math
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes, load_digits

from gradexp import figures
from gradexp.explain import topic_named
from gradexp.explain.lesson import Lesson
from gradexp.figures import Array
from gradexp.models.surfaces import SURFACES, Surface
from gradexp.reports.descent import descend, nearest_minimum

Draw = Callable[[], Figure]
SGD = {"_target_": "torch.optim.SGD", "lr": 0.01}
WORDS = ["aeroplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def run_figures() -> dict[str, Draw]:
    """A function that draws it, for each figure, by the figure's function and what is special."""
    return {
        "loss_curve": lambda: figures.loss_curve(_losses(2750, 55)),
        "loss_curve, few epochs": lambda: figures.loss_curve(_losses(30, 10)),
        "cost_comparison": _costs,
        "range_test": _range_test,
        "confusion_matrix": lambda: figures.confusion_matrix(_counts(10, 1000), list("0123456789")),
        "confusion_matrix, words": lambda: figures.confusion_matrix(_counts(10, 1000), WORDS),
        "confusion_matrix, 47 classes": lambda: figures.confusion_matrix(
            _counts(47, 400), [f"class {n}" for n in range(47)]
        ),
        "image_grid": _wrong_images,
        "weight_images": lambda: figures.weight_images(_smooth(200, 28), (1, 28, 28)),
        "decision_boundary": lambda: _regions(["setosa", "versicolor", "virginica"]),
        "decision_boundary, 12 classes": lambda: _regions([f"class {n}" for n in range(12)]),
        "accuracy_and_loss": _accuracy_and_loss,
        "fitted_lines": _lines,
        "coefficients": _coefficients,
        "coefficients, many": _many_coefficients,
        "predicted_against_true": _predictions,
        "loss_along_weight": _along_weight,
        "resampled_fits": _fits,
        "surface_3d": lambda: _surface("himmelblau", 300),
        "surface_3d, a valley": lambda: _surface("rosenbrock", 2000, 1e-3),
        "paths_over_contours": lambda: _paths("rosenbrock", {"run": SGD | {"lr": 1e-3}}, 2000),
        "paths_over_contours, optimizers": _optimizers,
        "panels_of_paths": _panels,
        "basin_map": lambda: _basins("himmelblau", 40),
        "basin_map, many minima": lambda: _basins("rastrigin", 40, 1e-3),
        "functions_and_derivatives": lambda: _lesson("activations"),
        "functions_and_derivatives, losses": lambda: _lesson("losses"),
        "directional_derivatives": _directions,
    }


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _losses(steps: int, every: int) -> dict[str, tuple[Array, Array]]:
    at = np.arange(every, steps + 1, every, dtype=float)
    train = 2.3 * np.exp(-6.0 * at / steps) * np.exp(0.1 * _rng().normal(size=len(at)))
    epochs = np.arange(1, 11) * steps / 10
    return {"train/loss": (at, train), "val/loss": (epochs, 0.06 + 0.4 * np.exp(-5 * epochs / steps))}


def _costs() -> Figure:
    epochs = np.arange(51.0)
    speeds = {"full batch": (0.02, 0.004), "batches of 32": (0.25, 0.03), "batches of 1": (1.0, 0.6)}
    costs = {name: 2.3 * np.exp(-rate * epochs) + 0.01 for name, (rate, _) in speeds.items()}
    by_epoch = {name: (epochs, cost) for name, cost in costs.items()}
    by_second = {name: (epochs * speeds[name][1], cost) for name, cost in costs.items()}
    return figures.cost_comparison(by_epoch, by_second, "minibatch: cost over all training samples")


def _range_test() -> Figure:
    rates = np.geomspace(1e-6, 1, 100)
    losses = 2.3 - 1.9 / (1 + (2e-3 / rates) ** 1.2) + 40 * np.maximum(rates - 0.2, 0) ** 2
    return figures.range_test(rates, losses, 1.7e-3)


def _counts(classes: int, samples: int) -> "np.typing.NDArray[np.int64]":
    mistakes = _rng().poisson(0.012 * samples / classes, (classes, classes))
    np.fill_diagonal(mistakes, samples - mistakes.sum(axis=1))
    return mistakes


def _wrong_images() -> Figure:
    images = load_digits().images[:24, None]
    titles = [f"{n % 10} {0.99 - 0.02 * n:.0%}\nis {(n + 3) % 10}" for n in range(24)]
    return figures.image_grid(images, titles, "Most confident mistakes of the test")


def _smooth(units: int, side: int) -> Array:
    y, x = np.mgrid[:side, :side] / side - 0.5
    a, b, c = _rng().normal(size=(3, units, 1, 1))
    return np.asarray(np.exp(-8 * (x**2 + y**2)) * np.sin(8 * (a * x + b * y) + c)).reshape(units, -1)


def _regions(classes: list[str]) -> Figure:
    x, y = np.linspace(-3, 3, 250), np.linspace(-3, 3, 250)
    centres = _rng().normal(size=(len(classes), 2)) * 1.4
    targets = _rng().integers(len(classes), size=300)
    points = centres[targets] + 0.5 * _rng().normal(size=(300, 2))
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    regions = np.square(grid[:, :, None] - centres).sum(axis=-1).argmin(axis=-1)
    labels = ("first principal component", "second principal component")
    title = "Predicted classes; 96.33% of 300 training samples are right"
    return figures.decision_boundary(x, y, regions, points, targets, classes, labels, title)


def _accuracy_and_loss() -> Figure:
    weights = np.linspace(-5, 7, 801)
    accuracy, loss = np.round(0.5 + 0.45 * np.tanh(weights), 2), np.log1p(np.exp(-2 * weights)) + 0.05 * weights**2
    moves = {move: (-math.log(move[0]), -math.log(move[1])) for move in ((0.4, 0.45), (0.499, 0.501))}
    return figures.accuracy_and_loss(weights, accuracy, loss, 2.1, "weight 3", moves)


def _lines() -> Figure:
    x = _rng().uniform(-5, 5, 200)
    lines = {"learned": (5.008, 6.992), "least squares": (5.01, -6.99), "truth": (5.0, 7.0)}
    return figures.fitted_lines(x, 5 * x + 7 + 3 * _rng().normal(size=200), lines, "Fitted line: SGD, lr 0.01")


def _coefficients() -> Figure:
    names = [*load_diabetes().feature_names, "b"]
    values = 20 * _rng().normal(size=len(names))
    return figures.coefficients(names, {"learned": values, "least squares": values + 1}, "Coefficients: SGD, lr 0.01")


def _many_coefficients() -> Figure:
    names = [f"feature_{n}" for n in range(30)]
    values = _rng().normal(size=30)
    return figures.coefficients(names, {"learned": values, "least squares": 1.1 * values}, "Coefficients")


def _predictions() -> Figure:
    true = _rng().uniform(25, 340, 89)
    predicted = 0.6 * true + 60 + 40 * _rng().normal(size=89)
    return figures.predicted_against_true(predicted, true, "Predictions of 89 test samples")


def _along_weight() -> Figure:
    weights, path = np.linspace(-0.2, 2.4, 150), 2 - 2 * 0.6 ** np.arange(12)
    return figures.loss_along_weight(weights, (weights - 2) ** 2, path, (path - 2) ** 2, "Descent: SGD, lr 0.1")


def _fits() -> Figure:
    x, rng = np.linspace(0, 1, 200), _rng()
    truth = np.sin(2 * np.pi * x)
    fits = truth + 0.25 * rng.normal(size=(50, 1)) * np.cos(5 * x) + 0.1 * rng.normal(size=(50, 1))
    sample = rng.uniform(size=20)
    noisy = np.sin(2 * np.pi * sample) + 0.3 * rng.normal(size=20)
    return figures.resampled_fits(x, fits, truth, (sample, noisy), "Polynomials of degree 3")


def _grid(surface: Surface, n: int) -> tuple[Array, Array, torch.Tensor]:
    (low, high), (bottom, top) = surface.domain
    x, y = torch.linspace(low, high, n), torch.linspace(bottom, top, n)
    return x.numpy(), y.numpy(), torch.cartesian_prod(y, x).flip(1)


def _values(surface: Surface) -> tuple[Array, Array, Array]:
    x, y, points = _grid(surface, 200)
    return x, y, surface.value(points).reshape(200, 200).numpy()


def _marks(surface: Surface) -> dict[str, Array]:
    known = {"minima": surface.minima, "local minima": surface.local_minima, "saddles": surface.saddles}
    return {name: np.array(points).reshape(-1, 2) for name, points in known.items()}


def _path(surface: Surface, settings: dict[str, object], steps: int, at: tuple[float, float] | None = None) -> Array:
    (low, high), (bottom, top) = surface.domain
    start = torch.tensor([at or (low + 0.47 * (high - low), bottom + 0.42 * (top - bottom))])
    path: Array = descend(surface, start, settings, steps)[:, 0].numpy()
    return path


def _surface(name: str, steps: int, lr: float = 0.01) -> Figure:
    surface = SURFACES[name]
    path = _path(surface, SGD | {"lr": lr}, steps)
    values = surface.value(torch.from_numpy(path)).numpy()
    minima = np.array(surface.minima + surface.local_minima).reshape(-1, 2)
    title = f"SGD, lr {lr:g}, {steps:,} steps"
    return figures.surface_3d(surface.title, surface.formula, *_values(surface), path, values, minima, title)


def _paths(name: str, optimizers: dict[str, dict[str, object]], steps: int) -> Figure:
    surface = SURFACES[name]
    paths = {label: _path(surface, settings, steps) for label, settings in optimizers.items()}
    title = f"{surface.title}: SGD, lr 0.001, {steps:,} steps"
    return figures.paths_over_contours(*_values(surface), paths, _marks(surface), title)


def _optimizers() -> Figure:
    optimizers: dict[str, dict[str, object]] = {
        "SGD, lr 0.01": SGD,
        "SGD, lr 0.01, momentum 0.9": SGD | {"momentum": 0.9},
        "RMSprop, lr 0.02": {"_target_": "torch.optim.RMSprop", "lr": 0.02},
        "Adam, lr 0.1": {"_target_": "torch.optim.Adam", "lr": 0.1},
        "Adagrad, lr 0.5": {"_target_": "torch.optim.Adagrad", "lr": 0.5},
    }
    return _paths("himmelblau", optimizers, 200)


def _panels() -> Figure:
    surface = SURFACES["himmelblau"]
    starts = {f"({x:g}, {y:g})": (x, y) for x, y in ((-3.0, 3.0), (4.0, 4.0), (-3.0, -3.0), (4.0, -2.0), (0.5, 0.0))}
    panels = {
        "by initial point: SGD, lr 0.01": {name: _path(surface, SGD, 200, at) for name, at in starts.items()},
        "by learning rate: SGD": {
            f"lr {lr:g}": _path(surface, SGD | {"lr": lr}, 200) for lr in (2e-4, 2e-3, 0.01, 0.03)
        },
        "by momentum: SGD, lr 0.002": {
            f"momentum {m:g}": _path(surface, SGD | {"lr": 2e-3, "momentum": m}, 200) for m in (0.0, 0.5, 0.9, 0.99)
        },
    }
    title = f"{surface.title}: effects of initial point, learning rate and momentum, 200 steps"
    return figures.panels_of_paths(*_values(surface), panels, _marks(surface), title)


def _basins(name: str, side: int, lr: float = 0.01) -> Figure:
    surface = SURFACES[name]
    x, y, starts = _grid(surface, side)
    ends = descend(surface, starts, SGD | {"lr": lr}, 150, 150)[-1]
    reached = nearest_minimum(surface, ends, 0.05).reshape(side, side)
    cost = surface.value(ends).reshape(side, side).numpy()
    minima = np.array(surface.minima + surface.local_minima).reshape(-1, 2)
    title = f"{surface.title}: SGD, lr {lr:g}, 150 steps, {side**2:,} starts"
    return figures.basin_map(x, y, np.asarray(reached), minima, cost, title)


def _directions() -> Figure:
    angles = np.arange(360) * (2 * math.pi / 360)
    slopes = 2 * np.cos(angles) + 3 * np.sin(angles)
    return figures.directional_derivatives(angles, slopes, np.asarray(math.atan2(3, 2)), math.sqrt(13))


def _lesson(topic: str) -> Figure:
    lesson = Lesson()
    topic_named(topic)(lesson)
    (figure,) = lesson.figures.values()
    return figure
