"""No setting is ignored in silence: what is typed must be taken by the model that is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradexp.building.class_source import ClassSource

# The arguments that a model takes a section by; a model with none of them makes that part itself.
TAKEN_AS: Mapping[str, tuple[str, ...]] = {
    "optimizer": ("optimizer",),
    "scheduler": ("scheduler",),
    "loss": ("loss",),
    "metrics": ("metrics",),
    "regularizer": ("l1", "l2", "penalties", "regularizer"),
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
    signature = source.signature if source is not None else None
    if signature is None or signature.takes_any:
        return
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0].partition("@")[0]
        section = key.partition(".")[0]
        names = TAKEN_AS.get(section, ())
        is_none = "_target_" in node[section] and node[section]["_target_"] is None if names else True
        if not is_none and not any(name in signature.parameters for name in names):
            model = node["model"]["_target_"]
            raise ValueError(f"{key} has no effect: {model} takes no {section}, it makes its own. Got {override}.")
