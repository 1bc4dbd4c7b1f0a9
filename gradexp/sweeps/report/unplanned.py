"""The settings of runs that no manifest has planned: single runs in one folder, or the jobs of another sweeper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gradexp.configuration.files import read_hydra, read_job_config, read_overrides
from gradexp.configuration.values import flat
from gradexp.untrusted import Loader, check_plain

OF_COMMAND = ("data_dir", "figures", "progress", "report")  # keys that do not change what is trained and measured


def unplanned_settings(folder: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What was typed for each run, except what was typed for all of them; of what was typed for some only, the default.

    Args:
        folder: The folder of the runs.
        names: The names of their own folders.

    Raises:
        ValueError: A record is damaged.
    """
    typed = {name: [line for line in read_overrides(folder / name) if not _is_of_command(line)] for name in names}
    common = set.intersection(*map(set, typed.values())) if len(typed) > 1 else set()
    found = {
        name: {
            key.lstrip("+"): _value(value)
            for key, _, value in (line.partition("=") for line in lines if line not in common)
        }
        for name, lines in typed.items()
    }
    keys = dict.fromkeys(key for settings in found.values() for key in settings)
    return {name: {**_defaults(folder / name, keys.keys() - settings), **settings} for name, settings in found.items()}


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
        value = yaml.load(typed or "null", Loader)
        check_plain(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        return typed
    return value
