"""Whether what is typed beside a checkpoint is so already, so that it may be typed again."""

from collections.abc import Mapping
from typing import Any

from gradexp.configuration.files import HYDRA_FOLDER, read_config, run_of
from gradexp.configuration.values import same

Plain = Mapping[str, Any]


def is_in_checkpoint(key: str, node: Plain, saved: Plain | None) -> bool:
    """Whether a key has its value in the checkpoint already; also True where only the checkpoint, read later, can tell.

    Args:
        key: A key, or a section.
        node: The configuration, as plain data.
        saved: That in the checkpoint; None as long as it is not read: then the record of its run tells, if it has one.
    """
    if node.get("ckpt_path") is None:
        return False
    known = _recorded(node["ckpt_path"]) if saved is None else saved
    if known is None:
        return True
    one, other = _at(key, node), _at(key, known)
    if saved is None and "${" in str(other):  # which is resolved in the checkpoint
        return True
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return one is not None and bool(one == other if are_numbers else same(one, other))


def _recorded(ckpt_path: str) -> Plain | None:
    """The configuration of a checkpoint's run; None if it is unknown, or may have changed on a resume."""
    run = run_of(ckpt_path)
    if run is None or any((run / HYDRA_FOLDER).glob("resumed_*")):
        return None
    try:
        return read_config(run)
    except ValueError:  # a damaged file, of which the task has no need
        return None


def _at(key: str, config: Plain) -> Any:
    """The value of a key; None if there is none."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
