"""Study: weights, exact zeros and errors against the strength of a penalty."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradexp.callbacks import Sparsity
from gradexp.callbacks.optimality import KEY as VIOLATION
from gradexp.engine.checkpoint_file import read_checkpoint
from gradexp.figures import Array
from gradexp.figures.layout import legend_below, new_panels, set_heading, set_title
from gradexp.figures.style import BLUE, GREEN, ORANGE, draw_line, literal, number_text, styled
from gradexp.objective.weights import weights
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.sweeps.report.studies.study import Study, in_words

MANY = 40  # with more weights than this, the norms of layers are shown instead
ENOUGH = 3  # strengths that a path needs
ERROR = {"train": "train/loss", "val": "val/loss"}
ZERO, SMALL = "sparsity/zero", "sparsity/small"
LEARNED = "learned/"  # begins the keys of the weights in metrics.json
FEW = 12  # lines that a legend has room for


@dataclass(frozen=True)
class PenaltyPath:
    """One model over a grid of one penalty.

    Attributes:
        name: Title of its row.
        strengths: Of the penalty, ascending; 0 is drawn beside the smallest.
        weights: Lines [strengths] of weights, or of norms of layers, by name.
        weights_label: What the lines show.
        zero: Share of weights that are exactly zero [strengths].
        small: Share of weights below `threshold` [strengths].
        threshold: The size below which a weight is small.
        train: Error on the training samples [strengths].
        val: Error on the validation samples [strengths].
        error_label: Name of the error.
        best: Index of the strength with the smallest validation error.
        violations: Of the conditions of a minimum, by callbacks.optimality [strengths]; NaN where it was not measured.
    """

    name: str
    strengths: Sequence[float]
    weights: Mapping[str, Array]
    weights_label: str
    zero: Array
    small: Array
    threshold: float
    train: Array
    val: Array
    error_label: str
    best: int
    violations: Array


def regularization_path(results: SweepResults) -> Study:
    """A figure for l1 and one for l2, a row for each model and data set; marks the best strength."""
    study = Study()
    families: dict[str, list[Job]] = defaultdict(list)
    for job in results.jobs:
        if job.status == "completed" and {*ERROR.values(), ZERO, SMALL} <= job.metrics.keys():
            families[_name(job)].append(job)
    for penalty, other in (("l1", "l2"), ("l2", "l1")):
        paths = []
        for name, jobs in families.items():
            alone = [job for job in jobs if not job.config[f"regularizer.{other}"]]
            by_strength = {float(job.config[f"regularizer.{penalty}"]): job for job in alone}
            if len(by_strength) >= ENOUGH:
                paths.append(_path(name, penalty, dict(sorted(by_strength.items()))))
        if paths:
            study.figures[f"regularization_path_{penalty}"] = penalty_paths(paths, penalty)
        study.lines.extend(_line(path, penalty) for path in paths)
    if not study.figures:
        study.lines.append(
            f"no path can be drawn: it needs {ENOUGH} strengths of l1 or of l2, and jobs with callbacks.sparsity"
        )
    return study


def _name(job: Job) -> str:
    model, data = (in_words(job.config[f"{part}._target_"]) for part in ("model", "data"))
    return f"{model} on {data}"


def _path(name: str, penalty: str, jobs: dict[float, Job]) -> PenaltyPath:
    train, val, zero, small = (
        np.array([job.metrics[key] for job in jobs.values()]) for key in (*ERROR.values(), ZERO, SMALL)
    )
    lines, label = _weights(list(jobs.values()))
    is_regression = all("val/mse" in job.metrics for job in jobs.values())
    return PenaltyPath(
        name=name,
        strengths=list(jobs),
        weights=lines,
        weights_label=label,
        zero=zero,
        small=small,
        threshold=_threshold(next(iter(jobs.values()))),
        train=train,
        val=val,
        error_label="mean squared error" if is_regression else "cross-entropy",
        best=int(val.argmin()),
        violations=np.array([job.metrics.get(VIOLATION, np.nan) for job in jobs.values()]),
    )


def _threshold(job: Job) -> float:
    """The threshold of the Sparsity callback, under any name."""
    name = next((key for key, value in job.config.items() if str(value).endswith(".Sparsity")), "")
    return float(job.config.get(f"{name.removesuffix('_target_')}threshold", Sparsity().threshold))


def _weights(jobs: list[Job]) -> tuple[dict[str, Array], str]:
    """Every weight, or the norm of every layer's weights, at the end of each fit, and the name of these quantities."""
    states = [read_checkpoint(str(job.folder / "checkpoints" / "last.ckpt"))["state_dict"] for job in jobs]
    named = [{k: v for k, v in state.items() if k.startswith("network.") and weights([(k, v)])} for state in states]
    if sum(tensor.numel() for tensor in named[0].values()) <= MANY:
        rows = torch.stack([torch.cat([tensor.flatten() for tensor in own.values()]) for own in named])
        names = feature_names(jobs[0].metrics)
        if len(names) != rows.shape[1]:
            names = [f"w{number + 1}" for number in range(rows.shape[1])]
        return dict(zip(names, rows.T.numpy(), strict=True)), "weight"
    norms = {
        layer.removeprefix("network.").removesuffix(".weight"): np.array([float(own[layer].norm()) for own in named])
        for layer in named[0]
    }
    return norms, "norm of a layer's weights"


def feature_names(metrics: Mapping[str, Any]) -> list[str]:
    """The names of the features that a linear regression reports its weights of, in their order; [] for other models.

    They are read from its metrics: nothing that a job's record names is imported or built.
    """
    names = [key.removeprefix(LEARNED) for key in metrics if key.startswith(LEARNED)]
    return names[:-1] if names[-1:] == ["b"] else names


def _line(path: PenaltyPath, penalty: str) -> str:
    best, last = path.best, len(path.strengths) - 1
    worst = int(np.nan_to_num(path.violations, nan=-1).argmax())
    optimal = (
        f"; the conditions of a minimum are violated by {path.violations[best]:.1g} at the best {penalty}, at most by "
        f"{path.violations[worst]:.1g}, at {path.strengths[worst]:g}"
    )
    return (
        f"{path.name}: best {penalty} {path.strengths[best]:g}, {path.error_label} {path.val[best]:.4g} in validation "
        f"and {path.train[best]:.4g} in training (without a penalty {path.val[0]:.4g} and {path.train[0]:.4g}); "
        f"exact zeros {path.zero[0]:.0%}, {path.zero[best]:.0%} at the best, {path.zero[last]:.0%} at the strongest"
        f"{'' if np.isnan(path.violations[worst]) else optimal}"
    )


@styled
def penalty_paths(paths: Sequence[PenaltyPath], penalty: str) -> Figure:
    """A row per model: weights, zeros and errors against the penalty's strength, with the best strength marked.

    Args:
        paths: One per row.
        penalty: Name of the penalty.
    """
    figure, panels = new_panels(3 * len(paths), 3, 4.5, 3.6)
    for number, path in enumerate(paths):
        left, middle, right = panels[3 * number :][:3]
        places = np.arange(len(path.strengths))
        many = len(path.weights) > FEW
        for place, (name, values) in enumerate(path.weights.items()):
            draw_line(left, places, values, place, literal(name), **({"marker": None} if many else {}))
        left.axhline(0, color="black", linewidth=0.6)
        left.set(ylabel=path.weights_label)
        middle.plot(places, 100 * path.zero, "o-", color=BLUE, label="exactly 0")
        middle.plot(places, 100 * path.small, "s--", color=ORANGE, label=f"below {number_text(path.threshold)}")
        middle.set(ylabel="% of the weights", ylim=(-4, 104))
        right.plot(places, path.train, "o-", color=BLUE, label="training")
        right.plot(places, path.val, "s--", color=ORANGE, label="validation")
        right.set(ylabel=path.error_label)
        if path.val.min() > 0 and path.train.min() > 0 and path.val.max() > 20 * path.train.min():
            right.set_yscale("log")
        best = number_text(path.strengths[path.best])
        for axes, title in ((left, path.name), (middle, "Small weights"), (right, f"Error: best {penalty} {best}")):
            set_title(axes, title)
            _finish(axes, path, penalty)
        for axes, names in ((left, left.lines[: len(path.weights)] if 1 < len(path.weights) <= FEW else []),
                            (middle, middle.lines), (right, right.lines)):  # fmt: skip
            legend_below(axes, list(names), ticks=0.3)
    set_heading(figure, f"Weights, exact zeros and errors against the strength of {penalty}")
    return figure


def _finish(axes: Axes, path: PenaltyPath, penalty: str) -> None:
    axes.axvline(path.best, color=GREEN, linestyle=":", label="best by validation")
    axes.set_xticks(range(len(path.strengths)), [number_text(value) for value in path.strengths], rotation=45)
    axes.set_xlabel(f"{penalty}, in even steps")
    axes.grid()
