"""No setting is ignored in silence: what is typed must be taken by the model that is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradexp.building.class_source import ClassSource

OURS = "gradexp.models.AbstractModule"

# Sections that our models take; any other LightningModule makes these parts itself.
SECTIONS = ("optimizer", "scheduler", "loss", "metrics", "regularizer")


# Keys of one task alone.
OF_TASKS: Mapping[str, str] = {
    "resampling": "bias_variance",
    "topic": "explain",
    "input": "predict",
    "sweep_dir": "report",
}


def check_ignored(overrides: Sequence[str], node: Mapping[str, Any], source: ClassSource | None) -> None:
    """Refuse what was typed for a part that the model makes itself.

    Args:
        overrides: What was typed, such as "optimizer=adam" or "+metrics.f1._target_=...".
        node: The configuration.
        source: The model's class; None where it cannot be read, and nothing is known.

    Raises:
        ValueError: A typed setting would have no effect.
    """
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        task = OF_TASKS.get(key.partition(".")[0])
        if task not in (None, node["task"]) and value != "null":
            raise ValueError(f"{key} has no effect with task={node['task']}, only with task={task}; got {override}.")
    if source is None or source.is_subclass([OURS]) is not False:
        return
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0].partition("@")[0]
        section = key.partition(".")[0]
        if section in SECTIONS and (override.startswith("~") or "=" in override):
            model = node["model"]["_target_"]
            raise ValueError(f"{key} has no effect: {model} makes its own {section}; got {override}.")
