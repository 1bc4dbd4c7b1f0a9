"""Rejects typed settings that have no effect on the task or the model."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradexp.building.class_source import ClassSource

OURS = "gradexp.models.AbstractModule"

# Sections that only our models use; any other LightningModule defines these parts itself.
SECTIONS = ("optimizer", "scheduler", "loss", "metrics", "regularizer")

# Keys that only one task uses.
TASK_OF_KEY: Mapping[str, str] = {
    "compare": "compare",
    "export": "export",
    "freeze": "train",
    "init_from": "train",
    "resampling": "bias_variance",
    "topic": "explain",
    "input": "predict",
    "predictions_format": "predict",
    "sweep_dir": "report",
}


def check_ignored(overrides: Sequence[str], node: Mapping[str, Any], source: ClassSource | None) -> None:
    """Check that every typed override has an effect with the model of class `source`, None if it cannot be read.

    Raises:
        ValueError: A typed setting would have no effect.
    """
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        task = TASK_OF_KEY.get(key.partition(".")[0])
        if task not in (None, node["task"]) and value not in ("null", "[]"):
            raise ValueError(f"{key} has no effect with task={node['task']}, only with task={task}; got {override}.")
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
