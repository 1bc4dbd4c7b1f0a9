"""The settings of runs that no manifest has planned: single runs in one folder, or the jobs of another sweeper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gradexp.configuration.files import read_hydra, read_job_config, read_overrides
from gradexp.configuration.values import flat
from gradexp.untrusted import TypedLoader, check_plain

EXACT = 2**53  # up to which a float holds every whole number
OF_COMMAND = ("data_dir", "figures", "progress", "report")  # keys that do not change what is trained and measured


def unplanned_settings(folder: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What was typed for each run, except what was typed for all of them; of what was typed for some only, the default.

    Values are compared, not their texts: 1e-2, 0.010 and 0.01 are one.

    Args:
        folder: The folder of the runs.
        names: The names of their own folders.

    Raises:
        ValueError: A record is damaged.
    """
    found = {name: _typed(folder / name) for name in names}
    keys = dict.fromkeys(key for settings in found.values() for key in settings)
    found = {name: {**_defaults(folder / name, keys.keys() - settings), **settings} for name, settings in found.items()}
    for key in keys:
        values = [settings[key] for settings in found.values() if key in settings]
        if len(names) > 1 and len(values) == len(names) and len({repr(as_floats(value)) for value in values}) == 1:
            for settings in found.values():
                del settings[key]
        elif any(isinstance(value, float) for value in values):  # 1 and 1.0 are one value
            for settings in found.values():
                settings |= {key: as_floats(settings[key])} if key in settings else {}
    return found


def as_floats(value: Any) -> Any:
    """Plain data with its whole numbers as floats, as 1 and 1.0 set the same."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT:
        return float(value)
    if isinstance(value, list | tuple):
        return [as_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    return value


def _typed(run: Path) -> dict[str, Any]:
    lines = (line.partition("=") for line in read_overrides(run) if not _is_of_command(line))
    return {key.lstrip("+"): _value(value) for key, _, value in lines}


def _defaults(run: Path, keys: set[str]) -> dict[str, Any]:
    """The values of keys that were not typed for a run: by its configuration, or the option of a group."""
    if not keys:
        return {}
    config: dict[str, Any] = flat(read_job_config(run))
    options: Any = read_hydra(run)
    for part in ("hydra", "runtime", "choices"):
        options = options.get(part) if isinstance(options, dict) else None
    known = (options if isinstance(options, dict) else {}) | config
    return {key: known[key] for key in sorted(keys) if key in known}


def _is_of_command(line: str) -> bool:
    return line.lstrip("+~").partition("=")[0] in OF_COMMAND


def _value(typed: str) -> Any:
    """The value of an override; the text itself if it is none that YAML knows."""
    try:
        value = yaml.load(typed or "null", TypedLoader)
        check_plain(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        return typed
    return value
