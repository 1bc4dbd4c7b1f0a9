"""Rejects typed settings that have no effect on the task or the model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradexp.building.class_source import ClassSource

OURS = "gradexp.models.AbstractModule"

# Sections that only our models use; any other LightningModule defines these parts itself.
SECTIONS = ("optimizer", "scheduler", "loss", "metrics", "regularizer")

# Keys that only some tasks use.
TASKS_OF_KEY: Mapping[str, tuple[str, ...]] = {
    "compare": ("compare",),
    "export": ("export",),
    "freeze": ("train",),
    "init_from": ("train",),
    "resampling": ("bias_variance",),
    "topic": ("explain",),
    "input": ("predict",),
    "predictions_format": ("predict",),
    "sweep_dir": ("report",),
    "report": ("train", "test"),
}

# Tasks that only use a checkpoint's model, and what only fits read: sections, keys, and arguments of the Trainer.
NO_FIT = ("test", "predict", "export")
OF_FITS = (
    "optimizer", "scheduler", "augmentation", "early_stopping", "target_score",
    *(f"trainer.{name}" for name in (
        "max_epochs", "max_steps", "max_time", "min_epochs", "min_steps", "limit_train_batches", "limit_val_batches",
        "overfit_batches", "val_check_interval", "check_val_every_n_epoch", "num_sanity_val_steps",
        "accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm",
    )),
)  # fmt: skip
# Of data modules, the arguments whose values are in what the checkpoint keeps of the data.
IN_CHECKPOINT: Mapping[str, tuple[str, ...]] = {"gradexp.data.Table": ("target", "kind", "drop", "test_size")}
NO_VALUES = ("null", "false", "[]")


def check_ignored(
    overrides: Sequence[str],
    node: Mapping[str, Any],
    source: ClassSource | None,
    is_so: Callable[[str], bool] = lambda key: False,
) -> None:
    """Check that every typed override has an effect with the model of class `source`, None if it cannot be read.

    Args:
        overrides: What was typed.
        node: The configuration, as plain data.
        source: The model's class.
        is_so: Whether a key has its value in the checkpoint already: then it may be typed again.

    Raises:
        ValueError: A typed setting would have no effect.
    """
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        key = key.partition("@")[0]
        if node["task"] in NO_FIT and _is_of_fit(key, node) and is_so(key):
            continue
        tasks = TASKS_OF_KEY.get(key.partition(".")[0])
        if tasks is not None and node["task"] not in tasks and value not in NO_VALUES:
            only = " and ".join(f"task={task}" for task in tasks)
            raise ValueError(f"{key} has no effect with task={node['task']}, only with {only}; got {override}.")
        if node["task"] in NO_FIT and value not in NO_VALUES:
            _check_read(key, override, node)
        if key == "data.val_size" and None not in (node["data"].get("folds"), node["data"].get("fold")):
            raise ValueError(
                f"data.val_size has no effect with data.folds={node['data']['folds']}, which validates on a fold; got "
                f"{override}."
            )
    if source is None or source.is_subclass([OURS]) is not False:
        return
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0].partition("@")[0]
        section = key.partition(".")[0]
        if section in SECTIONS and (override.startswith("~") or "=" in override):
            model = node["model"]["_target_"]
            raise ValueError(f"{key} has no effect: {model} makes its own {section}; got {override}.")


def _check_read(key: str, override: str, node: Mapping[str, Any]) -> None:
    """Check that a task that does not fit reads a key."""
    if not _is_of_fit(key, node):
        return
    is_in_checkpoint = key.startswith("data.")
    reason = "which takes it from the checkpoint" if is_in_checkpoint else "which does not train"
    raise ValueError(f"{key} has no effect with task={node['task']}, {reason}; got {override}.")


def _is_of_fit(key: str, node: Mapping[str, Any]) -> bool:
    """Whether a key says how the weights in a checkpoint came about, and is read by no task that does not fit."""
    section, _, name = key.partition(".")
    if section == "data":
        return name in IN_CHECKPOINT.get(str(node["data"].get("_target_")), ())
    return section in (*OF_FITS, "freeze", "init_from") or ".".join(key.split(".")[:2]) in OF_FITS
