"""Every figure of a sweep: of its report, of its comparison, and of each study."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure

from gradexp import figures
from gradexp.sweeps.report.drawn_curves import curves_by_tag
from gradexp.sweeps.report.findings import Findings, find
from gradexp.sweeps.report.matplotlib_figures import SWEEP_FIGURES
from gradexp.sweeps.report.results import read_sweep
from gradexp.sweeps.report.studies.bias_variance import Complexity, bias_variance_curves
from gradexp.sweeps.report.studies.regularization_path import PenaltyPath, penalty_paths
from gradexp.sweeps.report.studies.vanishing_gradients import Family, gradient_norms_by_depth
from tests.sweeps.folders import accuracy, grid, write_curve, write_sweep

Draw = Callable[[], Figure]
DIVERGED = {"status": "diverged", "reason": "at step 3", "monitor": "val/accuracy", "monitor_mode": "max"}


def sweep_figures() -> dict[str, Draw]:
    """A function that draws it, for each figure, by its tag in TensorBoard or the study's name."""
    return {
        **{tag: partial(_of_findings, tag) for tag in SWEEP_FIGURES},
        "sweep/curves, one seed": partial(_of_findings, "sweep/curves", seeds=1),
        "sweep/penalties, one seed": partial(_of_findings, "sweep/penalties", seeds=1),
        "bias_variance": _bias_variance,
        "costs": _costs,
        "overfitting": _overfitting,
        "regularization_path": _penalty_paths,
        "vanishing_gradients": _gradients,
    }


def _of_findings(tag: str, seeds: int = 3) -> Figure:
    figure = SWEEP_FIGURES[tag](_findings(seeds))
    assert figure is not None
    return figure


@cache
def _findings(seeds: int) -> Findings:
    """The findings of a sweep over optimizer, rate, l1, l2 and seed, with diverged jobs."""
    jobs = grid(
        optimizer=["sgd", "adam"], optimizer__lr=[0.0001, 0.001, 0.01, 0.1], regularizer__l1=[0.0, 1e-4],
        regularizer__l2=[0.0, 1e-3, 1e-2], seed=list(range(seeds)),
    )  # fmt: skip
    lost = {
        number: DIVERGED for number, job in enumerate(jobs) if job["optimizer"] == "adam" and job["optimizer.lr"] == 0.1
    }
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        write_sweep(Path(folder), jobs, lost)
        at = np.arange(20)
        for number, job in enumerate(jobs[: 24 * seeds]):
            curve = accuracy(job) * (1 - 0.8 * np.exp(-at / 4)) + 0.005 * rng.normal(size=20)
            write_curve(Path(folder) / str(number), "val/accuracy", list(curve))
            write_curve(Path(folder) / str(number), "train/loss", list(2.3 * np.exp(-at / 3.5) * (1.5 - curve)))
        return find(read_sweep(Path(folder)))


def _bias_variance() -> Figure:
    degrees, widths = np.arange(1.0, 13), 2.0 ** np.arange(8)
    panels = []
    for name, label, x in (
        ("linear regression on polynomial data", "degree", degrees),
        ("MLP classifier on digits, l2 0.001", "width of the first hidden layer", widths),
    ):
        n = np.arange(len(x))
        bias2, variance = 0.4 * np.exp(-n) - 0.002 * (n > 9), 0.01 * 1.5**n
        noise = np.full(len(x), 0.09) if label == "degree" else None
        error = bias2 + variance + (0.09 if noise is not None else 0)
        panels.append(Complexity(name, label, x, bias2, variance, noise, error, 0.03 * error, 0.3 * np.exp(-0.6 * n)))
    return bias_variance_curves(panels)


def _costs() -> Figure:
    epochs = np.arange(1.0, 51)
    labels = ("batches of 1", "batches of 32, optimizer.lr=0.1", "full batch, optimizer.lr=0.5")
    by_epoch = {name: (epochs, 2.0 * np.exp(-(3 - n) * epochs / 20)) for n, name in enumerate(labels)}
    by_second = {name: (curve[0] * 10.0 ** (-n), curve[1]) for n, (name, curve) in enumerate(by_epoch.items())}
    return figures.cost_comparison(by_epoch, by_second, "minibatch: cost over all training samples")


def _overfitting() -> Figure:
    steps = np.arange(100, 4001, 100)
    shape = {"train/loss": 3e-3, "val/loss": 1.1, "train/accuracy": 1.0, "val/accuracy": 0.86}
    curves = {
        tag: {
            f"regularizer.l2={l2}": (steps.tolist(), list(end + (1 - end) * np.exp(-steps / (900 + 2e7 * l2))))
            for l2 in (0, 5e-05)
        }
        for tag, end in shape.items()
    }
    return curves_by_tag(curves, "Over-fitting, with a penalty and without")


def _penalty_paths() -> Figure:
    strengths = [0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
    n = np.arange(len(strengths))
    names = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
    start = 20 * np.random.default_rng(0).normal(size=len(names))
    weights = {
        name: value * np.maximum(1 - n * (k + 2) / 40, 0)
        for k, (name, value) in enumerate(zip(names, start, strict=True))
    }
    linear = PenaltyPath(
        name="linear regression on diabetes", strengths=strengths, weights=weights, weights_label="weight", zero=n / 14,
        small=n / 14 + 0.1, threshold=1e-3, train=0.4 + 0.02 * n**1.5, val=0.6 + 0.02 * (n - 4) ** 2,
        error_label="mean squared error", best=4, violations=0.0 * n,
    )  # fmt: skip
    norms = {"linear_1": 9.0 - n, "output": 5 - 0.5 * n}
    deep = replace(linear, name="MLP classifier on digits", weights=norms, weights_label="norm of a layer's weights")
    return penalty_paths([linear, deep], "l1")


def _gradients() -> Figure:
    families = []
    for name, factor in (("sigmoid, lecun_normal", 4.2), ("sigmoid, kaiming_normal", 3.0), ("relu, lecun_normal", 1.5),
                         ("relu, kaiming_normal", 1.05)):  # fmt: skip
        depths = (2, 3, 4, 6, 8)
        norms = {depth: [0.05 / factor ** (depth - layer) for layer in range(1, depth + 1)] for depth in depths}
        families.append(Family(name, norms, {depth: 0.97 - 0.01 * factor * depth for depth in depths}))
    return gradient_norms_by_depth(families, "best/val/accuracy")
