"""Default optimizers of the models, for use without a configuration, and the default loss with changed arguments."""

from collections.abc import Mapping
from typing import Any

from gradexp.objective.objective import Section

SGD: Mapping[str, Any] = {"_target_": "torch.optim.SGD", "lr": 0.1}
ADAM: Mapping[str, Any] = {"_target_": "torch.optim.Adam", "lr": 1e-3}


def loss_section(section: Section | None, default: Section | None) -> Section | None:
    """The section of the loss; arguments without a `_target_` change those of the default loss."""
    if section and section.get("_target_") is not None:
        return section
    arguments = {name: value for name, value in (section or {}).items() if name != "_target_"}
    return {**(default or {}), **arguments} if arguments else default
