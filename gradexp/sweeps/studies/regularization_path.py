"""What the strength of a penalty does to weights, zeros and errors."""

from collections import defaultdict

import numpy as np
import torch

from gradexp import figures
from gradexp.callbacks import Sparsity
from gradexp.checkpoint_file import read_checkpoint
from gradexp.figures import Array
from gradexp.objective.weights import weights
from gradexp.sweeps.results import Job, SweepResults
from gradexp.sweeps.studies.study import Study

MANY = 40  # weights from which on the norms of layers are shown in their place
ENOUGH = 3  # strengths that make a path
ERROR = {"train": "train/loss", "val": "val/loss"}
ZERO, SMALL = "sparsity/zero", "sparsity/small"


def regularization_path(results: SweepResults) -> Study:
    """A figure for l1 and one for l2, a row for each model and data; the best strength by validation is marked."""
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
            study.figures[f"regularization_path_{penalty}"] = figures.penalty_paths(paths, penalty)
        study.lines.extend(_told(path, penalty) for path in paths)
    if not study.figures:
        study.lines.append(
            f"no path can be drawn: it takes {ENOUGH} strengths of l1 or of l2, and jobs with callbacks.sparsity"
        )
    return study


def _name(job: Job) -> str:
    model, data = (str(job.config[f"{part}._target_"]).rpartition(".")[2] for part in ("model", "data"))
    return f"{model}, {data}"


def _path(name: str, penalty: str, jobs: dict[float, Job]) -> figures.PenaltyPath:
    train, val, zero, small = (
        np.array([job.metrics[key] for job in jobs.values()]) for key in (*ERROR.values(), ZERO, SMALL)
    )
    lines, label = _weights(list(jobs.values()))
    is_regression = all("val/mse" in job.metrics for job in jobs.values())
    return figures.PenaltyPath(
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
    )


def _threshold(job: Job) -> float:
    """Of the callback that counted, whatever name it was configured under."""
    name = next((key for key, value in job.config.items() if str(value).endswith(".Sparsity")), "")
    return float(job.config.get(f"{name.removesuffix('_target_')}threshold", Sparsity().threshold))


def _weights(jobs: list[Job]) -> tuple[dict[str, Array], str]:
    """At the end of each fit: every weight, or the norm of every layer's."""
    states = [read_checkpoint(str(job.folder / "checkpoints" / "last.ckpt"))["state_dict"] for job in jobs]
    named = [{k: v for k, v in state.items() if k.startswith("network.") and weights([(k, v)])} for state in states]
    if sum(tensor.numel() for tensor in named[0].values()) <= MANY:
        rows = torch.stack([torch.cat([tensor.flatten() for tensor in own.values()]) for own in named])
        return {f"w{number + 1}": column for number, column in enumerate(rows.T.numpy())}, "weight"
    norms = {
        layer.removeprefix("network.").removesuffix(".weight"): np.array([float(own[layer].norm()) for own in named])
        for layer in named[0]
    }
    return norms, "norm of a layer's weights"


def _told(path: figures.PenaltyPath, penalty: str) -> str:
    best, last = path.best, len(path.strengths) - 1
    return (
        f"{path.name}: best {penalty} {path.strengths[best]:g}, {path.error_label} {path.val[best]:.4g} in validation "
        f"and {path.train[best]:.4g} in training (without a penalty {path.val[0]:.4g} and {path.train[0]:.4g}); "
        f"exact zeros {path.zero[0]:.0%}, {path.zero[best]:.0%} at the best, {path.zero[last]:.0%} at the strongest"
    )
