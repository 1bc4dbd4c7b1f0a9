"""Arguments of loggers and callbacks that name places to which they write: typed, never taken from a file of others."""

import re
from collections.abc import Mapping
from typing import Any

SECTIONS = ("logger", "callbacks")
NOT_PLACES = ("_target_", "monitor")  # a metric, such as val/loss, has a slash

_NAMES_PLACE = re.compile(r"(^|_)(dir|dirpath|path|folder|file|uri|url|host|root)$|dir$")
_IS_PLACE = re.compile(r"[/\\]|\.\.|^~|^$")  # empty: the folder above it is the place


def place_arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of loggers and callbacks that may name a place, with their values.

    Lightning's own classes write to any folder or address that they are given, and delete what they find there.

    Args:
        settings: A configuration by flat keys, such as "logger.csv.save_dir".
    """
    return {
        key: value
        for key, value in settings.items()
        if key.split(".")[0] in SECTIONS and key.count(".") > 1 and _has_place(key.rpartition(".")[2], value)
    }


def _has_place(name: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_place(str(key), item) for key, item in value.items())
    if isinstance(value, list):
        return any(_has_place(name, item) for item in value)
    if not isinstance(value, str) or name in NOT_PLACES:
        return False
    return bool(_NAMES_PLACE.search(name) or _IS_PLACE.search(value))
