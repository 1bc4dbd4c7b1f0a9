"""What a changed setting means for a fit that resumes: one table for all keys. A key without a row must stay as it was.

Most settings say what is trained, and the states in a checkpoint belong to the saved values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gradexp.app.tasks.resume_numbers import optimizer_reason, scheduler_reason
from gradexp.objective.optimizers import class_name

ABSENT = "absent"


@dataclass(frozen=True)
class Change:
    """A setting with another value than in the checkpoint; where the class of a section differs, the section."""

    key: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Fit:
    """The fit that would resume.

    Attributes:
        config: The configuration that would run, as plain data.
        checkpoint: The checkpoint.
        laid_out: The class of a schedule that spreads its rates over the whole fit; "" if there is none.
        is_ours: Whether the model is one of gradexp's.
        is_within_epoch: Whether the checkpoint was saved within an epoch.
    """

    config: Mapping[str, Any]
    checkpoint: Mapping[str, Any]
    laid_out: str
    is_ours: bool
    is_within_epoch: bool


Refusal = Callable[[Fit, Change], str]  # why a change is refused, as "must stay OLD ..., REASON"; "" if it is not


def _never(fit: Fit, change: Change) -> str:
    return ""


def _if_laid_out(fit: Fit, change: Change) -> str:
    return fit.laid_out and f"because {fit.laid_out} spreads its learning rates over the whole fit"


def _if_laid_out_or_within_epoch(fit: Fit, change: Change) -> str:
    within = "because the checkpoint was saved within an epoch" if fit.is_within_epoch else ""
    return _if_laid_out(fit, change) or within


def _if_it_unfuses(fit: Fit, change: Change) -> str:
    is_fused = fit.config["trainer"]["precision"] == "bf16-mixed" and fit.config["optimizer"].get("fused")
    return "because under bf16-mixed it decides whether the optimizer is fused" if is_fused else ""


def _metric(fit: Fit) -> str:
    return str(fit.config["monitor"]).rpartition("/")[2]


def _if_penalties_are_monitored(fit: Fit, change: Change) -> str:
    return f"because monitor={fit.config['monitor']} depends on it" * (_metric(fit) in ("objective", "penalty"))


def _of_loss(fit: Fit, change: Change) -> str:
    if _metric(fit) in ("loss", "objective"):
        return f"because monitor={fit.config['monitor']} depends on it"
    numbers = ("label_smoothing", "class_weight", "delta", "beta", "margin")
    is_number = change.key.rpartition(".")[2] in numbers and "balanced" not in (change.old, change.new)
    return "" if is_number else "because the loss is a part of what the weights were trained for"


def _of_metrics(fit: Fit, change: Change) -> str:
    if change.key.split(".")[1] == _metric(fit):
        return "because it is monitored"
    return "because the metrics of an epoch are resumed with it" * fit.is_within_epoch


def _of_path(fit: Fit, change: Change) -> str:
    is_compared = str(fit.config["data"]["_target_"]).startswith("gradexp.data.")  # with the samples of the checkpoint
    return "" if is_compared else REASONS["data"]


def _of_dropout(fit: Fit, change: Change) -> str:
    return "" if fit.is_ours else "because only a model of gradexp is known to use it as it resumes"


def _of_optimizer(fit: Fit, change: Change) -> str:
    if change.key == "optimizer":
        return "because its state is in the checkpoint"
    return optimizer_reason(change.key.partition(".")[2], change.old, change.new, fit.config, fit.checkpoint)


def _of_scheduler(fit: Fit, change: Change) -> str:
    if change.key == "scheduler":
        return "because its state is in the checkpoint"
    return _if_laid_out(fit, change) or scheduler_reason(change.key.partition(".")[2], fit.config, fit.checkpoint)


# Callbacks that only observe a fit, or end it; another one may change what is trained.
OBSERVERS = {
    "gradexp.callbacks": (
        "CostCurve", "Diagnostics", "LossCurve", "ModelGraph", "Optimality", "ParameterScalars", "Sparsity",
    ),
    "lightning.pytorch.callbacks": (
        "DeviceStatsMonitor", "LearningRateMonitor", "ModelCheckpoint", "ModelSummary", "RichModelSummary",
        "RichProgressBar", "ThroughputMonitor", "Timer", "TQDMProgressBar",
    ),
}  # fmt: skip
STOPPING = ("patience", "min_delta", "stopping_threshold", "divergence_threshold")


def _callback_class(fit: Fit, change: Change) -> str:
    section = change.new if isinstance(change.new, Mapping) else change.old
    if not isinstance(section, Mapping):
        section = fit.config["callbacks"][change.key.split(".")[1]]
    return str(section.get("_target_"))


def _of_observer(fit: Fit, change: Change) -> str:
    package, _, name = _callback_class(fit, change).rpartition(".")
    if change.key.endswith("._target_") or name not in OBSERVERS.get(package.removeprefix("pytorch_"), ()):
        return f"because {name} is not known to leave the training alone"
    return ""


def _of_stopping(fit: Fit, change: Change) -> str:
    name = class_name({"_target_": _callback_class(fit, change)})
    return "" if name == "EarlyStopping" else _of_observer(fit, change)


@dataclass(frozen=True)
class Row:
    """Keys whose change takes effect from the step of the resume on, unless it is refused.

    Attributes:
        keys: Patterns.
        is_listed: Whether the change alters what is learned, so that metrics.json lists it.
        refusal: Why a change is refused.
    """

    keys: tuple[str, ...]
    is_listed: bool
    refusal: Refusal = _never


TABLE = (
    # What is logged, measured at the end, or only a matter of speed.
    Row(("name", "test", "logger.*", "resampling.*"), is_listed=False),
    Row(("data.eval_batch_size", "data.num_workers", "data.memory_limit", "data.mirror"), is_listed=False),
    Row(("data.path",), is_listed=False, refusal=_of_path),
    Row(("data.steps_per_execution", "trainer.log_every_n_steps", "trainer.profiler"), is_listed=False),
    Row(("trainer.limit_test_batches", "trainer.limit_predict_batches", "trainer.inference_mode"), is_listed=False),
    Row(("trainer.deterministic", "trainer.benchmark", "trainer.detect_anomaly"), is_listed=False),
    Row(("trainer.num_sanity_val_steps", "trainer.enable_autolog_hparams"), is_listed=False),
    Row(("metrics.*",), is_listed=False, refusal=_of_metrics),
    # How long is trained: the fit is the first part of a longer one.
    Row(("trainer.max_epochs", "trainer.max_steps"), is_listed=False, refusal=_if_laid_out),
    Row(("trainer.max_time", "trainer.min_epochs", "trainer.min_steps"), is_listed=False),
    # What is trained.
    Row(("optimizer", "optimizer.*"), is_listed=True, refusal=_of_optimizer),
    Row(("scheduler", "scheduler.*"), is_listed=True, refusal=_of_scheduler),
    Row(("regularizer.*",), is_listed=True, refusal=_if_penalties_are_monitored),
    Row(("loss.*",), is_listed=True, refusal=_of_loss),
    Row(("model.dropout", "model.input_dropout"), is_listed=True, refusal=_of_dropout),
    Row(("augmentation.*", "trainer.gradient_clip_algorithm"), is_listed=True),
    Row(("trainer.gradient_clip_val",), is_listed=True, refusal=_if_it_unfuses),
    Row(("data.batch_size", "trainer.accumulate_grad_batches"), True, _if_laid_out_or_within_epoch),
    # When it ends, or what is said of it.
    Row(("early_stopping.*", "target_score", "trainer.check_val_every_n_epoch"), is_listed=True),
    Row(tuple(f"callbacks.*.{name}" for name in STOPPING), is_listed=True, refusal=_of_stopping),
    Row(("callbacks.*",), is_listed=False, refusal=_of_observer),
)

# Why the other keys must stay as they were, by their first part.
REASONS = {
    "seed": "because it draws the split, the order of the batches and dropout",
    "data": "because it decides which samples are trained on and which are held out",
    "model": "because the weights in the checkpoint belong to it",
    "init_from": "because the weights in the checkpoint began with it",
    "freeze": "because the optimizer's state in the checkpoint is that of the other parameters",
    "loss": "because the loss is a part of what the weights were trained for",
    "monitor": "because best.ckpt is the best by it so far",
    "monitor_mode": "because best.ckpt is the best by it so far",
}


def verdict(fit: Fit, change: Change) -> tuple[str, bool]:
    """Why a change is refused, "" if it is not; and whether it alters what is learned."""
    for row in TABLE:
        if any(fnmatchcase(change.key, pattern) for pattern in row.keys):
            return row.refusal(fit, change), row.is_listed
    return REASONS.get(change.key.partition(".")[0], "because its effect on a resumed fit is unknown"), True
